"""Search for whole-numbered samples of one component whose DCT is in its cells.

Inside the RGB cube every whole-numbered Y, Cb, Cr is the colour of some 8-bit pixel, so there each
component can be solved by itself, and each of its blocks. What is left is a closest vector problem:
64 integers, 64 walls. With steps of 2 or more nearly any start leads to a solution; with steps of 1
a cell holds about two, one of them the source, and the search gives what misses little.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.jpeg.dct import islow

# DCT units: closer to its wall a coefficient costs something already. Where steps are 1 this guides
# the search: of 256 blocks of quality 100, 27 % are solved in 300 rounds with 0.1, 58 % with 0.3.
_MARGIN = 0.3
_GAIN = 0.5  # a coefficient that stays outside weighs this much more after every round
_CANDIDATES = 12  # moves of a block that are priced exactly, those of the lowest estimate
_NEVER = 1e9
_BEYOND = 1e-3 / 8  # what one of libjpeg's integers outside the cells counts, in coefficients
OVERHEAD = 50  # blocks that a round costs as much as, however few it works on
_EVERY = 8  # rounds after which solved and hopeless blocks are left out
_TOLD = 64  # rounds after which the caller hears that there is work
# Few blocks are searched for from several starts at once, for which a round costs hardly more: so
# many blocks in all, so many starts each, where so many samples of a start are a level off.
_AT_ONCE, _STARTS, _OFF = 64, 16, 0.1


@dataclass
class _State:
    """Blocks in search, first dimension M."""

    index: Tensor  # which of the caller's blocks
    samples: Tensor  # float (M, S)
    tabu: Tensor  # (M, S): the round until which a sample must rest
    centre: Tensor  # of the cells, DCT units, (M, K)
    least: Tensor  # of libjpeg's integers in the cells, (M, K)
    most: Tensor  # (M, K)
    weight: Tensor  # (M, K)
    low: Tensor  # (M, S)
    high: Tensor  # (M, S)

    def select(self, blocks: Tensor) -> "_State":
        return _State(*(getattr(self, f.name)[blocks] for f in fields(self)))


class SampleSearch:
    """Tabu search with growing weights over the samples of blocks that all have one shape.

    ``effects``: coefficients (K, S) of each sample. ``which`` (K): the sample that is at each place
    of the blocks, None if each is a place of its own. ``steps`` (K).
    """

    def __init__(self, effects: Tensor, which: Tensor | None, steps: Tensor) -> None:
        self._effects = effects.float().contiguous()
        self._squares = self._effects.square()
        self._which = which
        self._steps = steps
        self._half = steps / 2 - _MARGIN

    def _excess(self, state: _State) -> Tensor:
        """How far the coefficients are outside their cells, (M, K), in libjpeg's integers."""
        placed = state.samples if self._which is None else state.samples[:, self._which]
        scaled = islow((placed - 128).view(-1, 64)).view(state.least.shape).float()
        return torch.maximum(state.least - scaled, scaled.sub_(state.most)).clamp_(min=0)

    def __call__(
        self,
        start: Tensor,
        quantized: Tensor,
        low: Tensor,
        high: Tensor,
        *,
        rounds: int,
        patience: int,
        at_work: Callable[[], None],
    ) -> tuple[Tensor, int]:
        """The best samples found from whole-numbered ones (M, S), and what they cost.

        The cost is in rounds of single blocks. ``quantized``: the file's integers (M, K). ``low``,
        ``high``: bounds of the samples (M, S).
        A block is given up after so many rounds (``patience``) without fewer misses. ``at_work`` is
        called every few rounds.
        """
        blocks = len(start)
        starts = max(1, min(_STARTS, _AT_ONCE // max(blocks, 1)))
        generator = torch.Generator().manual_seed(0)
        if starts > 1:
            start, quantized, low, high = (
                t.repeat(starts, 1) for t in (start, quantized, low, high)
            )
            off = torch.rand(start[blocks:].shape, generator=generator).to(start)
            off = (off < _OFF / 2).to(start) - (off > 1 - _OFF / 2).to(start)
            start[blocks:] += off
            start = torch.minimum(torch.maximum(start, low), high)
        best = start.clone()
        least = start.new_full((len(start),), torch.inf)
        since = start.new_zeros(len(start))
        state = _State(
            torch.arange(len(start), device=start.device),
            start.clone(),
            torch.zeros_like(start),
            quantized * self._steps,
            *Cell(quantized, self._steps).integers(),
            torch.ones_like(quantized),
            low,
            high,
        )
        spent = 0
        for turn in range(rounds):
            excess = self._excess(state)
            outside = excess > 0
            misses = outside.sum(dim=1) + excess.sum(dim=1) * _BEYOND
            better = misses < least[state.index]
            at = state.index[better]
            best[at] = state.samples[better]
            since[at[misses[better] < least[at] - 0.5]] = turn
            least[at] = misses[better]
            state.weight += outside * _GAIN
            if turn % _TOLD == 0:
                at_work()
            if turn % _EVERY == 0:
                solved = (least.view(starts, blocks) == 0).any(dim=0)
                on = ~solved[state.index % blocks] & (turn - since[state.index] < patience)
                state = state.select(on)
                if not len(state.index):
                    break
            spent += len(state.index) + OVERHEAD
            rest = torch.randint(3, 12, (len(state.index), 1), generator=generator)
            self._move(state, turn, rest.to(start))
        which = least.view(starts, blocks).argmin(dim=0)
        each = torch.arange(blocks, device=which.device)
        return best.view(starts, blocks, -1)[which, each], spent

    def _move(self, state: _State, turn: int, rest: Tensor) -> None:
        """Makes the cheapest move of every block: one sample by one level."""
        half = self._half
        offset = (state.samples - 128) @ self._effects.T
        offset -= state.centre
        distance = offset.abs() - half
        over = distance.clamp(min=0).mul_(2 * state.weight)
        slope = over.copysign_(offset) @ self._effects
        near = (distance > -_MARGIN) * state.weight
        cost = (near @ self._squares).sub_(slope.abs())
        move = -slope.sign()
        after = state.samples + move
        closed = (after < state.low) | (after > state.high) | (state.tabu > turn) | (move == 0)
        cost += closed * _NEVER
        found = cost.topk(min(_CANDIDATES, cost.shape[1]), dim=1, largest=False).indices
        change = move.gather(1, found)[..., None] * self._effects.T[found]
        energy = change.add_(offset[:, None]).abs_().sub_(half).clamp_(min=0).square_()
        price = energy.mul_(state.weight[:, None]).sum(dim=2) + closed.gather(1, found) * _NEVER
        least, pick = price.min(dim=1, keepdim=True)
        place = found.gather(1, pick)
        allowed = (least < _NEVER).to(move.dtype)
        state.samples.scatter_add_(1, place, move.gather(1, place) * allowed)
        state.tabu.scatter_(1, place, turn + rest)
