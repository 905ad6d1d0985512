"""Directed search for the last coefficients: single pixels, on libjpeg's own integers."""

from dataclasses import dataclass, fields
from itertools import product

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import before_rounding, change_before_rounding
from jpegx.jpeg.component_map import ComponentMap

_CHUNK = 1 << 22  # numbers of one table of move costs: what fits a cache
# Coefficients closer than this to their wall cost something already. Without it the search walks
# plateaus for ever: of 92 misses (kodak 13, QF 95, 4:2:0) 27 stay after 200 rounds, with it none.
_MARGIN = 0.15
_DRIFT = 1e-2  # price of a squared level of distance from the start
_NEVER = 1e9  # price of what is not allowed
_GAIN = 0.5  # a coefficient that stays outside weighs this much more after every round


@dataclass
class _State:
    """Units in search, first dimension M."""

    index: Tensor  # which start of which unit
    pixels: Tensor  # int32 (M, C, P)
    origin: Tensor  # float (M, C, P)
    tabu: Tensor  # int32 (M, P): the round until which a pixel must rest
    quantized: Tensor  # (M, K)
    weight: Tensor  # (M, K)

    def select(self, units: Tensor) -> "_State":
        return _State(*(getattr(self, f.name)[units] for f in fields(self)))


class LocalSearch:
    """Tabu search with growing weights over the 8-bit pixels of units; made once for a region.

    A move changes one pixel by one level in some channels, or by up to three in one. Its cost is
    the change it makes to the weighted sum of squared distances of the coefficients from their
    (slightly shrunk) cells, and to the distance from the starting pixels. Every round makes the
    cheapest move of every block that gains by it, and of one block in any case, so that the search
    leaves local minima.
    """

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        layout = model.region.layout
        # Units inside the image repeat one block, whose 64 pixels touch 64 coefficients; that of
        # a component which is not down-sampled, if there is one.
        full = [m for m in model.maps if m.pixels_per_sample == 1]
        whole = bool(full) and all(m.sums is None for m in full)
        self._blocks = model.region.height * model.region.width // 64 if whole else 1
        self._moves = torch.tensor(_moves(layout.channels), dtype=torch.int32, device=model.device)
        self._changes = change_before_rounding(self._moves[:, :, None], layout)[:, :, 0]
        self._tables = [
            _CostTable(effects, steps, self._blocks if m.pixels_per_sample == 1 else 1)
            for effects, steps, m in zip(
                model.effects, model.split(model.steps), model.maps, strict=True
            )
        ]
        self._sums = [None if m.pixels_per_sample == 1 else _SumSteps(m) for m in model.maps]

    def __call__(
        self, starts: Tensor, quantized: Tensor, rounds: int, few: int, patience: int
    ) -> tuple[Tensor, int]:
        """The best pixels found, int32 (M, C, P), and the rounds that it took, of single starts.

        ``starts``: int32 (S, M, C, P), from where each unit is searched for. ``quantized``: the
        file's integers (M, K). ``few``: pixels of each block whose moves are priced, those with the
        lowest bound. A start is given up after so many rounds (``patience``) without fewer misses.
        """
        size = self._model.steps.numel() * starts.shape[3] // self._blocks
        step = max(1, _CHUNK // (size * len(starts)))
        best = torch.empty_like(starts[0])
        spent = 0
        for first in range(0, len(quantized), step):
            part = slice(first, first + step)
            best[part], cost = self._search(starts[:, part], quantized[part], rounds, few, patience)
            spent += cost
        return best, spent

    def _search(
        self, starts: Tensor, quantized: Tensor, rounds: int, few: int, patience: int
    ) -> tuple[Tensor, int]:
        count, units = starts.shape[:2]
        pixels = starts.flatten(0, 1)
        quantized = quantized.repeat(count, 1)
        best = pixels.clone()
        least = torch.full((len(pixels),), torch.inf, device=pixels.device)
        since = torch.zeros_like(least)
        state = _State(
            torch.arange(len(pixels), device=pixels.device),
            pixels.clone(),
            pixels.float(),
            torch.zeros_like(pixels[:, 0]),
            quantized,
            torch.ones_like(quantized),
        )
        generator = torch.Generator().manual_seed(0)
        spent = 0
        for turn in range(rounds):
            values = self._model.integer_coefficients(state.pixels)
            excess = Cell(state.quantized, self._model.steps).excess(values)
            outside = excess > 0
            misses = outside.sum(dim=1) + excess.square().sum(dim=1) * 1e-3
            better = misses < least[state.index]
            at = state.index[better]
            best[at] = state.pixels[better]
            since[at[misses[better] < least[at] - 0.5]] = turn
            least[at] = misses[better]
            solved = (least.view(count, units) == 0).any(dim=0)
            left = ~solved[state.index % units] & (turn - since[state.index] < patience)
            if not left.any():
                break
            state.weight += outside * _GAIN
            state, values = state.select(left), values[left] / 8
            spent += len(state.index)
            rest = torch.randint(3, 12, (len(state.index), self._blocks), generator=generator)
            self._move(state, values, turn, rest.to(best.device, torch.int32), few)
        which = least.view(count, units).argmin(dim=0)
        chosen = best.view(starts.shape)[which, torch.arange(units, device=which.device)]
        return chosen, spent

    def _move(self, state: _State, values: Tensor, turn: int, rest: Tensor, few: int) -> None:
        offsets = self._model.split(values - state.quantized * self._model.steps)
        weights = self._model.split(state.weight)
        tables = [t(o, w) for t, o, w in zip(self._tables, offsets, weights, strict=True)]
        tabu = (state.tabu > turn) * _NEVER
        pixel = self._promising(tables, tabu, few)
        cost = self._costs(state, tables, pixel) + tabu.gather(1, pixel)[:, None]
        # Cheapest move of every block, (M, blocks), as move * pixels of a block + pixel.
        units, moves, pixels = cost.shape
        blocks = cost.view(units, moves, self._blocks, -1).transpose(1, 2).flatten(2)
        least, chosen = blocks.min(dim=2)
        made = least < 0
        made.scatter_(1, least.argmin(dim=1, keepdim=True), True)
        unit, block = (made & (least < _NEVER)).nonzero().unbind(1)
        side = pixels // self._blocks
        pick = chosen[unit, block]
        place = pixel[unit, pick % side + block * side]
        state.pixels[unit, :, place] += self._moves[pick // side]
        state.tabu[unit, place] = turn + rest[unit, block]

    def _promising(self, tables: list[Tensor], tabu: Tensor, few: int) -> Tensor:
        """The pixels (M, blocks * few) of each block whose moves could cost least."""
        bound = tabu.clone()
        for table, sums in zip(tables, self._sums, strict=True):
            best = table.amin(dim=1)
            bound += best if sums is None else best[:, sums.of_pixel]
        blocks = bound.unflatten(1, (self._blocks, -1))
        found = blocks.topk(min(few, blocks.shape[2]), dim=2, largest=False, sorted=False).indices
        start = torch.arange(self._blocks, device=found.device) * blocks.shape[2]
        places: Tensor = (found + start[:, None]).flatten(1)
        return places

    def _costs(self, state: _State, tables: list[Tensor], pixel: Tensor) -> Tensor:
        """Cost of every move of some pixels (M, F), (M, moves, F); _NEVER outside 0 to 255."""
        layout = self._model.region.layout
        exact = before_rounding(state.pixels, layout)
        where = pixel[:, None].expand(-1, layout.channels, -1)
        chosen = state.pixels.gather(2, where)
        moves = self._moves.float()
        drift = moves @ (chosen - state.origin.gather(2, where)) * 2
        cost = drift.add_(moves.square().sum(dim=1, keepdim=True)).mul_(_DRIFT)
        before = exact.gather(2, where)
        for c, (table, sums) in enumerate(zip(tables, self._sums, strict=True)):
            after = before[:, None, c] + self._changes[None, :, c, None]
            step = after.floor_() - before[:, None, c].floor()
            if sums is None:
                place = pixel[:, None].expand_as(step)
            else:
                step, place = sums.steps(step, exact[:, c].floor(), pixel)
            index = step.clamp_(-1, 1).add_(1).long() * table.shape[2] + place
            cost += table.flatten(1).gather(1, index.flatten(1)).view(cost.shape)
        for channel, move in zip(chosen.unbind(1), self._moves.unbind(1), strict=True):
            after = channel[:, None] + move[:, None]
            cost += ((after < 0) | (after > 255)) * _NEVER
        return cost


def _moves(channels: int) -> list[tuple[int, ...]]:
    """Changes of a pixel: -1, 0 or 1 in each channel, or up to 3 in one.

    Where other channels are black or white, a step of 1 in one channel is often lost in the
    rounding of the components, and the search would not see where it leads.
    """
    near = [m for m in product((-1, 0, 1), repeat=channels) if any(m)]
    far = [
        tuple(size if c == channel else 0 for c in range(channels))
        for channel in range(channels)
        for size in (-3, -2, 2, 3)
    ]
    return near + far


class _CostTable:
    """Change of the energy of one component if one of its variables steps by -1, 0 or 1."""

    def __init__(self, effects: Tensor, steps: Tensor, blocks: int) -> None:
        self._blocks = blocks
        size = len(effects) // blocks
        self._effects = effects[:size, : effects.shape[1] // blocks].float()
        self._half = steps[:size, None] / 2 - _MARGIN

    def __call__(self, offset: Tensor, weight: Tensor) -> Tensor:
        """Table (M, 3, S) for coefficients ``offset`` (M, K) from the centres of their cells."""
        offset = offset.reshape(len(offset) * self._blocks, -1, 1)
        weight = weight.reshape(offset.shape).transpose(1, 2)

        def energy(values: Tensor) -> Tensor:
            over = values.abs_().sub_(self._half).clamp_(min=0).square_()
            return (weight @ over).squeeze(1)

        still = energy(offset.clone())
        down, up = energy(offset - self._effects), energy(offset + self._effects)
        table = torch.stack((down - still, torch.zeros_like(down), up - still), dim=1)
        table = table.view(-1, self._blocks, 3, down.shape[1])
        return table.transpose(1, 2).flatten(2)


class _SumSteps:
    """How a step of one pixel's component steps the down-sampled sample it is part of.

    Past the edge of the image a pixel can be part of several sums; only its first is followed
    here, and the search judges every round by the whole model anyway.
    """

    def __init__(self, unit_map: ComponentMap) -> None:
        distinct, which = unit_map.groups
        self._sums = distinct.float()
        # A quarter keeps quotients of multiples of 3 from falling below their integer.
        self._bias = torch.empty(len(distinct), device=which.device)
        self._bias[which] = unit_map.bias.float() + 0.25
        self._count = unit_map.pixels_per_sample
        self.of_pixel = (distinct > 0).to(torch.int8).argmax(dim=0)
        self._weight = distinct.float().amax(dim=0)

    def steps(self, step: Tensor, now: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """Steps of the samples (M, moves, F) for steps of pixels (M, F), and which samples."""
        sample = self.of_pixel[pixel]
        before = (now.float() @ self._sums.T + self._bias).gather(1, sample)[:, None]
        after = (before + self._weight[pixel][:, None] * step) / self._count
        moved = after.floor_() - (before / self._count).floor_()
        return moved, sample[:, None].expand_as(step)
