"""From any image to an 8-bit image that re-encodes to the coefficients of a file.

Plain projection (Eq. 11 of paper 1) puts coefficients on the wall of their cell, from where the
rounding of pixels, of Y, Cb and Cr, and of down-sampled chroma pushes half of them out. Here every
minimum coded unit, which JPEG treats independently, goes through as much of this as it needs:

1. projection to a cell shrunk by a margin, gamut, rounding; the margin of the coefficients that
   missed grows, and again, with ever more alternating projections between cell and gamut;
2. a directed local search from there (:class:`LocalSearch`), and from other roundings.

Every stage is judged by libjpeg's own integers, so ``different`` is what libjpeg would find.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import torch
from torch import Tensor

from jpegx.consistency.local_search import LocalSearch
from jpegx.consistency.units import UnitModel
from jpegx.consistency.work import Work
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.mcu import Region, regions

_UNITS = 1024  # units at a time: their tensors stay in the cache
_POOL = 8192  # units that plain rounding left over, before the other stages take them on
_PLAIN = (0, 1, 2, 4, 8, 16)  # alternating projections before each plain rounding
# Rounds of local search from the best rounding so far, and pixels of a block that it considers.
_FIRST_SEARCH, _FEW = 30, 16
# Then, from elsewhere: margin in DCT units, alternating projections, rounds of search. Blocks of
# mostly black or white pixels have next to no room: a margin leaves them no target at all. Blocks
# over the edge, where one pixel stands for many, are found from the centre of the cell.
_ATTEMPTS = (
    (0.4, 100, 100),
    (0.0, 300, 200),
    (0.1, 300, 300),
    (inf, 300, 300),
    (0.2, 300, 300),
)
_ALL = 64
_BUDGET = (
    20_000  # units times rounds of each attempt: steps of 1 everywhere would use it without end
)


@dataclass(frozen=True)
class Exact:
    """An 8-bit image and how exact it is.

    ``pixels``: uint8 (C, H, W). ``different`` of ``total`` coefficients re-encode to another
    integer (0: exact). ``rmse_added``: RMSE in gray levels between the pixels and the plain
    projection of Eq. 11 clipped to 0..255; rounding alone makes 0.29.
    """

    pixels: Tensor
    different: int
    total: int
    rmse_added: float


def exact(
    image: Tensor, coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> Exact:
    """The 8-bit image near ``image`` whose re-encoding gives the file's coefficients.

    ``image``: float (C, H, W) in gray levels. ``coefficients``: the file's integers, (rows,
    columns, 8, 8) per component; ``tables``: (8, 8) per component. Deterministic.
    Raises ValueError for a fractional sampling ratio.
    """
    grids = [c.flatten(-2)[None] for c in coefficients]
    out = torch.empty(image.shape, dtype=torch.uint8, device=image.device)
    different, squares = 0, 0.0
    for region in regions(layout):
        solver = _Solver(region, tables, out)
        solver.solve(image, grids)
        different += solver.different
        squares += solver.squares
    total = sum(c.numel() for c in coefficients)
    return Exact(out, different, total, (squares / image.numel()) ** 0.5)


class _Solver:
    """The stages on the units of one region, into the image ``out``."""

    def __init__(self, region: Region, tables: Sequence[Tensor], out: Tensor) -> None:
        self._region = region
        self._model = UnitModel(region, tables, out.device)
        self._out = out
        self.different = 0
        self.squares = 0.0

    @cached_property
    def _search(self) -> LocalSearch:
        return LocalSearch(self._model)

    def solve(self, image: Tensor, grids: Sequence[Tensor]) -> None:
        """Fills the region of ``out``, and counts what still differs."""
        pool: list[Work] = []
        first = 0
        for strip in self._region.strips(_UNITS):
            pixels = strip.gather(image[None]).float()
            work = Work.start(self._model, pixels, self._model.cell(strip, grids), first)
            first += strip.units
            left = self._plain(work)
            if len(left):
                pool.append(left)
            if sum(map(len, pool)) >= _POOL:
                self._thorough(Work.join(pool))
                pool = []
        if pool:
            self._thorough(Work.join(pool))

    def _plain(self, work: Work) -> Work:
        for approaches in _PLAIN:
            work.approach(self._model, approaches)
            work.round(self._model)
            work = self._finish(work)
            if not len(work):
                break
        return work

    def _thorough(self, work: Work) -> None:
        work = self._search_from(work, work.best.int(), _FIRST_SEARCH, _FEW)
        if not len(work):
            return
        reachable = work.reachable(self._model)
        self._put(work.select(~reachable))
        work = work.select(reachable)
        for margin, approaches, rounds in _ATTEMPTS:
            if not len(work):
                return
            most = _BUDGET // len(work)
            work.restart(self._model, margin)
            work.approach(self._model, min(approaches, most))
            work = self._search_from(work, work.pixels.round().int(), min(rounds, most), _ALL)
        self._put(work)

    def _search_from(self, work: Work, pixels: Tensor, rounds: int, few: int) -> Work:
        if not len(work):
            return work
        work.offer(self._model, self._search(pixels, work.quantized, rounds, few))
        return self._finish(work)

    def _finish(self, work: Work) -> Work:
        """Puts the exact units into the image; returns the others."""
        done = work.misses == 0
        if done.any():
            self._put(work.select(done))
            work = work.select(~done)
        return work

    def _put(self, work: Work) -> None:
        self._region.put(work.index, work.best, self._out)
        self.different += int(work.misses.sum())
        self.squares += float((work.best - work.target).square_().sum())
