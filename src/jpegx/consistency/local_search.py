"""Directed search for the last coefficients: pixels by one level, on libjpeg's own integers."""

from dataclasses import dataclass, fields
from itertools import product

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_in_fixed, to_fixed
from jpegx.jpeg.region import ComponentMap

_CHUNK = 1 << 22  # numbers of one table of move costs: what fits a cache
# Coefficients closer than this to their wall cost something already. Without it the search walks
# plateaus for ever: of 92 misses (kodak 13, QF 95, 4:2:0) 27 stay after 200 rounds, with it none.
_MARGIN = 0.15
_DRIFT = 1e-2  # price of a squared level of distance from the start
_GAIN = 0.5  # a coefficient that stays outside weighs this much more after every round


@dataclass
class _State:
    """Units in search, first dimension M."""

    index: Tensor  # which of the caller's units
    pixels: Tensor  # int32 (M, C, P)
    origin: Tensor  # float (M, C, P)
    tabu: Tensor  # int32 (M, P): the round until which a pixel must rest
    quantized: Tensor  # (M, K)
    weight: Tensor  # (M, K)

    def select(self, units: Tensor) -> "_State":
        return _State(*(getattr(self, f.name)[units] for f in fields(self)))


class LocalSearch:
    """Tabu search with growing weights over the 8-bit pixels of units; made once for a region.

    A move changes one pixel by -1, 0 or 1 in each channel. Its cost is the change it makes to
    the weighted sum of squared distances of the coefficients from their (slightly shrunk) cells,
    and to the distance from the starting pixels. Every round makes the cheapest move of every
    block that gains by it, and of one block in any case, so that the search leaves local minima.
    """

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        layout = model.region.layout
        # Units inside the image repeat one block, whose 64 pixels touch 64 coefficients.
        whole = all(m.sums is None for m in model.maps if m.pixels_per_sample == 1)
        self._blocks = model.region.height * model.region.width // 64 if whole else 1
        moves = [m for m in product((-1, 0, 1), repeat=layout.channels) if any(m)]
        self._moves = torch.tensor(moves, dtype=torch.int32, device=model.device)
        self._fixed = change_in_fixed(self._moves, layout)
        self._tables = [
            _CostTable(effects, steps, self._blocks if m.pixels_per_sample == 1 else 1)
            for effects, steps, m in zip(
                model.effects, model.split(model.steps), model.maps, strict=True
            )
        ]
        self._sums = [None if m.pixels_per_sample == 1 else _SumSteps(m) for m in model.maps]

    def __call__(self, pixels: Tensor, cell: Cell, rounds: int) -> Tensor:
        """The best pixels found, int32 (M, C, P), starting from ``pixels`` (M, C, P)."""
        size = self._model.steps.numel() * pixels.shape[2] // self._blocks
        step = max(1, _CHUNK // size)
        best = pixels.clone()
        for start in range(0, len(pixels), step):
            part = slice(start, start + step)
            state = _State(
                torch.arange(len(pixels), device=pixels.device)[part],
                pixels[part].clone(),
                pixels[part].float(),
                torch.zeros_like(pixels[part, 0]),
                cell.quantized[part],
                torch.ones_like(cell.quantized[part]),
            )
            self._search(state, best, rounds)
        return best

    def _search(self, state: _State, best: Tensor, rounds: int) -> None:
        generator = torch.Generator().manual_seed(0)
        least = torch.full((len(best),), torch.inf, device=best.device)
        for turn in range(rounds):
            values = self._model.integer_coefficients(state.pixels)
            excess = Cell(state.quantized, self._model.steps).excess(values)
            outside = excess > 0
            misses = outside.sum(dim=1) + excess.square().sum(dim=1) * 1e-3
            better = misses < least[state.index]
            best[state.index[better]] = state.pixels[better]
            least[state.index[better]] = misses[better]
            left = misses > 0
            if not left.any():
                return
            state.weight += outside * _GAIN
            state, values = state.select(left), values[left] / 8
            rest = torch.randint(3, 12, (len(state.index), self._blocks), generator=generator)
            self._move(state, values, turn, rest.to(best.device, torch.int32))

    def _move(self, state: _State, values: Tensor, turn: int, rest: Tensor) -> None:
        cost = self._costs(state, values).masked_fill_((state.tabu > turn)[:, None], torch.inf)
        units, moves, pixels = cost.shape
        # Cheapest move of every block, (M, blocks), as move * pixels of a block + pixel.
        blocks = cost.view(units, moves, self._blocks, -1).transpose(1, 2).flatten(2)
        least, chosen = blocks.min(dim=2)
        made = least < 0
        made.scatter_(1, least.argmin(dim=1, keepdim=True), True)
        unit, block = (made & least.isfinite()).nonzero().unbind(1)
        side = pixels // self._blocks
        pick = chosen[unit, block]
        move, pixel = pick // side, pick % side + block * side
        state.pixels[unit, :, pixel] += self._moves[move]
        state.tabu[unit, pixel] = turn + rest[unit, block]

    def _costs(self, state: _State, values: Tensor) -> Tensor:
        """Cost of every move of every pixel, (M, moves, P); infinite outside 0 to 255."""
        split = self._model.split
        layout = self._model.region.layout
        fixed, shift = to_fixed(state.pixels, layout)
        drift = self._moves.float() @ (state.pixels - state.origin) * 2
        drift += self._moves.square().sum(dim=1, keepdim=True)
        cost = drift.mul_(_DRIFT)
        offsets = split(values - state.quantized * self._model.steps)
        for c, (offset, weight) in enumerate(zip(offsets, split(state.weight), strict=True)):
            table = self._tables[c](offset, weight)
            now = fixed[:, c] >> shift
            after = (fixed[:, None, c] + self._fixed[None, :, c, None]) >> shift
            step = (after - now[:, None]).clamp_(-1, 1)
            sums = self._sums[c]
            if sums is None:
                cost += table.gather(1, step.add_(1).long())
            else:
                sums.add_costs(cost, table, now, step)
        top = state.pixels == 255
        bottom = state.pixels == 0
        for c in range(layout.channels):
            cost[:, self._moves[:, c] > 0] += torch.where(top[:, c], torch.inf, 0.0)[:, None]
            cost[:, self._moves[:, c] < 0] += torch.where(bottom[:, c], torch.inf, 0.0)[:, None]
        return cost


class _CostTable:
    """Change of the energy of one component if one of its variables steps by -1, 0 or 1."""

    def __init__(self, effects: Tensor, steps: Tensor, blocks: int) -> None:
        self._blocks = blocks
        size = len(effects) // blocks
        self._effects = effects[:size, : effects.shape[1] // blocks].float()
        self._half = (steps[:size, None] / 2 - _MARGIN).clamp(min=0.25)

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
    """How a step of one pixel's component steps the down-sampled samples it is part of."""

    def __init__(self, unit_map: ComponentMap) -> None:
        distinct, which = unit_map.groups
        self._sums = distinct.float()
        # A quarter keeps quotients of multiples of 3 from falling below their integer.
        self._bias = torch.full((len(distinct),), 0.25, device=which.device)
        self._bias[which] += unit_map.bias.float()
        self._count = unit_map.pixels_per_sample
        # Inside the image a pixel is part of one sum, past the edge perhaps of several.
        samples, pixels = distinct.nonzero().unbind(1)
        self._pairs = samples, pixels, self._sums[samples, pixels]

    def add_costs(self, cost: Tensor, table: Tensor, now: Tensor, step: Tensor) -> None:
        """Adds to ``cost`` (M, moves, P) what pixel steps cost by the table (M, 3, S)."""
        samples, pixels, weight = self._pairs
        before = (now.float() @ self._sums.T + self._bias)[:, None, samples]
        after = (before + weight * step[:, :, pixels]) / self._count
        change = after.floor_() - (before / self._count).floor_()
        index = change.clamp_(-1, 1).add_(1).long()
        cost.index_add_(2, pixels, table[:, :, samples].gather(1, index))
