"""The stages that make the units of a region exact.

Plain projection (Eq. 11 of Man et al. 2022) puts coefficients on the wall of their cell, from where
the rounding of pixels, of Y, Cb and Cr, and of down-sampled chroma pushes half of them out. Here
every minimum coded unit, which JPEG treats independently, goes through as much of this as it needs:

1. projection to a cell shrunk by a margin, gamut, rounding; coefficients that missed are corrected
   by what they lack, which rounds few pixels otherwise, their margin grows, and again, at last from
   pixels that are all moved a little;
2. a look for a proof that no picture can meet it (:class:`Proofs`), and a closer one if few
   units are left later: then it is taken as near as alternating projections come, with few
   coefficients outside, and no (further) search is spent on it;
3. a search over the whole-numbered samples of each component (:class:`ComponentSearch`), for which
   pixels are found (:class:`Realizer`);
4. at the walls of the gamut, where components depend on each other, and last from other places, a
   search over pixels (:class:`LocalSearch`).

Every stage is judged by libjpeg's own integers, so what is said to differ is what libjpeg would
find.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import inf

import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.component_search import ComponentSearch
from jpegx.consistency.local_search import LocalSearch
from jpegx.consistency.proofs import Proofs
from jpegx.consistency.realize import Realizer
from jpegx.consistency.sample_search import OVERHEAD
from jpegx.consistency.search_budget import Budget
from jpegx.consistency.units import UnitModel
from jpegx.consistency.work import Work
from jpegx.jpeg.mcu import Region

_UNITS = 1024  # units at a time: their tensors stay in the cache
_POOL = 4096  # units that plain rounding left over, before the other stages take them on
# Tries of plain rounding: alternating projections between cell and gamut before each, of all units,
# of those that are left over, and of what cannot be met; and corrections after each rounding.
_FIRST, _AGAIN, _GIVEN_UP = (0,), (1, 2, 4), (0, 1, 2, 4)
_CORRECTIONS = 3
_FEW = 1 / 64  # a try that makes no larger share of the units exact is the last
# Searches over samples: margin of the start in DCT units, alternating projections to it, rounds
# without gain after which a block is given up. An infinite margin is the centre of the cell, from
# where blocks over the edge are found, which have more coefficients than pixels.
_ATTEMPTS = ((0.4, 20, 32), (inf, 60, 64), (0.2, 60, 160))
# A cell of less than so many pictures, in bits a coefficient, holds hardly more than the source:
# one long search from its centre finds as much as several, and what it leaves no other finds.
_TIGHT, _ONCE = 0.3, ((inf, 60, 128),)
# Searches over pixels after the second and the last of them: rounds, and pixels of each block whose
# moves are priced.
_AT_THE_WALLS = {1: (60, 16), 2: (150, 64)}
# Then from elsewhere, all at once, for the few that are left: margin and alternating projections.
# Units of mostly black or white pixels have next to no room: a margin leaves them no target at all.
_FROM_ELSEWHERE, _ROUNDS = ((0.4, 100), (0.0, 300), (0.1, 300), (inf, 300)), 300
_ALL = 64
_PATIENCE = 80  # rounds of it without gain after which a start is given up
_CHEAP = 4.0  # what exact gaps may cost (``AFFORDABLE``) to come before a second search
# Few units are searched for from several starts at once, as few blocks are: in all, for each unit,
# and the share of the values of pixels that are a level off.
_AT_ONCE, _STARTS, _OFF = 24, 8, 0.1
_PIXELS_COST = 12  # what a round of it costs a block, in rounds on blocks of samples
# The most rounds of a search over samples, and of the one of tight files.
_MOST_ROUNDS, _MOST_ONCE = 1500, 256

Searching = Callable[[int], None]


def _ignore(units: int) -> None:
    pass


class RegionSolver:
    """The stages on the units of one region, for one image after the other."""

    def __init__(self, region: Region, tables: Sequence[Tensor], grids: Sequence[Tensor]) -> None:
        self._region = region
        self._grids = grids
        self._model = UnitModel(region, tables, grids[0].device)
        self._proofs = Proofs(self._model, region.units)
        self._causes = Causes()
        self._squares = 0.0
        self._searching: Searching = _ignore
        self._made = torch.empty(0)

    @property
    def blocks(self) -> int:
        """Blocks of all units and components."""
        return self._region.units * self._model.blocks

    @cached_property
    def _components(self) -> ComponentSearch:
        return ComponentSearch(self._model)

    @cached_property
    def _realizer(self) -> Realizer:
        return Realizer(self._model)

    @cached_property
    def _pixels(self) -> LocalSearch:
        return LocalSearch(self._model)

    @cached_property
    def _is_tight(self) -> bool:
        return float(self._model.steps.log2().mean()) < _TIGHT

    def solve(
        self, image: Tensor, out: Tensor, budget: Budget, searching: Searching | None
    ) -> tuple[Causes, float]:
        """Fills the region of ``out``; returns what differs, and the squares added."""
        self._causes, self._squares = Causes(), 0.0
        self._searching = searching or _ignore
        size = self._region.units, len(image), self._region.height * self._region.width
        self._made = torch.empty(size, dtype=torch.uint8, device=image.device)
        pool: list[Work] = []
        first = 0
        for strip in self._region.strips(_UNITS):
            pixels = strip.gather(image[None]).float()
            work = Work.start(self._model, pixels, self._model.cell(strip, self._grids), first)
            first += strip.units
            left = self._round(work, _FIRST)
            if len(left):
                pool.append(left)
            if sum(map(len, pool)) >= _POOL:
                self._thorough(Work.join(pool), budget)
                pool = []
        if pool:
            self._thorough(Work.join(pool), budget)
        self._region.put_all(self._made, out[None])
        self._made = torch.empty(0)
        return self._causes, self._squares

    def _round(self, work: Work, tries: Sequence[int], few: float = 0.0) -> Work:
        """Tries plain rounding until a try makes less than a share ``few`` of the units exact."""
        generator = torch.Generator().manual_seed(0)
        for projections in tries:
            units = len(work)
            if projections:
                work.shake(generator)
                work.approach(self._model, projections)
            for correction in range(1 + _CORRECTIONS):
                if correction:
                    work.correct(self._model)
                scaled, excess = work.round(self._model)
                left = self._put_exact(work)
                if not len(left):
                    return work.select(left)
                if len(left) < len(work):
                    work = work.select(left)
                    scaled, excess = scaled.index_select(0, left), excess.index_select(0, left)
                work.widen(self._model, scaled, excess)
            if units - len(work) < few * units:
                break
        return work

    def _thorough(self, work: Work, budget: Budget) -> None:
        work = self._round(work, _AGAIN, _FEW)
        work = self._leave_impossible(work, self._proofs.prove(work))
        attempts = _ONCE if self._is_tight else _ATTEMPTS
        for number, (margin, approaches, patience) in enumerate(attempts):
            if not len(work):
                return
            self._search_samples(work, margin, approaches, patience, budget)
            work = self._finish(work)
            if number == 0:
                causes = self._proofs.certify(work, budget, most=_CHEAP)
                work = self._leave_impossible(work, causes)
            if number in _AT_THE_WALLS and len(work):
                self._search_pixels(work, work.best[None], *_AT_THE_WALLS[number], budget)
                work = self._finish(work)
                work = self._leave_impossible(work, self._proofs.certify(work, budget))
        if self._is_tight:
            return self._put(work)
        if len(work) and budget.rounds(len(work) * self._model.blocks, 1):
            starts = []
            for margin, approaches in _FROM_ELSEWHERE:
                work.restart(self._model, margin)
                work.approach(self._model, approaches)
                starts.append(work.pixels.round())
            self._search_pixels(work, torch.stack(starts), _ROUNDS, _ALL, budget)
            work = self._finish(work)
        if len(work):
            self._proofs.certify(work, budget)
        self._put(work)

    def _leave_impossible(self, work: Work, causes: Tensor) -> Work:
        """Takes units as near as they come that cannot be met; returns the others."""
        possible = Proofs.possible(causes)
        if possible.all():
            return work
        lost = work.select((~possible).nonzero().squeeze(1))
        lost.give_up(self._model)
        self._put(self._round(lost, _GIVEN_UP))
        return work.select(possible.nonzero().squeeze(1))

    def _search_samples(
        self, work: Work, margin: float, approaches: int, patience: int, budget: Budget
    ) -> None:
        most = _MOST_ONCE if self._is_tight else _MOST_ROUNDS
        rounds = budget.rounds(len(work) * self._model.blocks, most)
        if not rounds:
            return
        work.restart(self._model, margin)
        work.approach(self._model, approaches)
        told = partial(self._searching, len(work))
        samples, spent = self._components(work.pixels, work.quantized, rounds, patience, told)
        budget.spend(spent)
        work.offer(self._model, self._realizer(work.pixels, samples))

    def _search_pixels(
        self, work: Work, starts: Tensor, rounds: int, few: int, budget: Budget
    ) -> None:
        copies = max(1, min(_STARTS, _AT_ONCE // len(work)) // len(starts))
        starts = starts.float().repeat(copies, 1, 1, 1)
        generator = torch.Generator().manual_seed(0)
        off = torch.rand(starts.shape, generator=generator).to(starts)
        off[: len(starts) // copies] = 0.5
        off = (off < _OFF / 2).to(starts) - (off > 1 - _OFF / 2).to(starts)
        starts = starts.add_(off).clamp_(0, 255).int()
        cost = self._model.blocks * _PIXELS_COST
        rounds = budget.rounds(len(work) * len(starts) * cost, rounds)
        if rounds:
            self._searching(len(work))
            pixels, spent = self._pixels(starts, work.quantized, rounds, few, _PATIENCE)
            budget.spend(spent * cost + rounds * OVERHEAD)
            work.offer(self._model, pixels)

    def _finish(self, work: Work) -> Work:
        """Puts the exact units into the picture; returns the others."""
        return work.select(self._put_exact(work))

    def _put_exact(self, work: Work) -> Tensor:
        """Puts the exact units into the picture; returns the index of the others."""
        done = work.misses == 0
        exact = done.nonzero().squeeze(1)
        if len(exact):
            index, best, target = (
                t if len(exact) == len(work) else t.index_select(0, exact)
                for t in (work.index, work.best, work.target)
            )
            self._put_pixels(index, best, target)
        return done.logical_not_().nonzero().squeeze(1)

    def _put(self, work: Work) -> None:
        """Puts units into the picture as they are, and counts what they miss."""
        if len(work):
            self._put_pixels(work.index, work.best, work.target)
            self._causes += self._proofs.count(work)

    def _put_pixels(self, index: Tensor, best: Tensor, target: Tensor) -> None:
        self._made[index] = best
        self._squares += float(best.float().sub_(target).square_().sum())
