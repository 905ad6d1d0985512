"""From any image to an 8-bit image that re-encodes to the coefficients of a file.

Plain projection (Eq. 11 of paper 1) puts coefficients on the wall of their cell, from where the
rounding of pixels, of Y, Cb and Cr, and of down-sampled chroma pushes half of them out. Here every
minimum coded unit, which JPEG treats independently, goes through as much of this as it needs:

1. projection to a cell shrunk by a margin, gamut, plain rounding; the margin of the coefficients
   that missed grows, and again;
2. the same with :class:`ShapedRounding`, and alternating projections to convergence;
3. :class:`LocalSearch` from there.

Every stage is judged by libjpeg's own integers, so ``different`` is what libjpeg would find.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as cached

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.local_search import LocalSearch
from jpegx.consistency.shaped_rounding import ShapedRounding
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.region import regions

_UNITS = 2048  # units at a time: their tensors stay in the cache
_MARGIN = 0.8  # DCT units; rounding noise has a standard deviation of 0.35
# Alternating projections before each round of plain and of shaped rounding.
_PLAIN = (1, 1, 2, 4)
_SHAPED = (10, 20, 30, 30)
_FIRST_SEARCH = 30
_LAST_SEARCH = 300


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
    out = torch.empty(1, *image.shape, dtype=torch.uint8, device=image.device)
    different, squares = 0, 0.0
    for whole in regions(layout):
        solver = _Solver(UnitModel(whole, tables, image.device))
        for region in whole.strips(_UNITS):
            model = UnitModel(region, tables, image.device)
            pixels, missed, added = solver.solve(
                region.gather(image[None]).float(), model.cell(grids)
            )
            region.scatter(pixels.to(torch.uint8), out)
            different += missed
            squares += added
    total = sum(c.numel() for c in coefficients)
    return Exact(out[0], different, total, (squares / image.numel()) ** 0.5)


class _Solver:
    """The stages on the units of one region."""

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        self._shaped = cached(lambda: ShapedRounding(model))
        self._search = cached(lambda: LocalSearch(model))

    def solve(self, pixels: Tensor, cell: Cell) -> tuple[Tensor, int, float]:
        """8-bit pixels (M, C, P), coefficients still different, squared change over Eq. 11."""
        values = self._model.coefficients(pixels)
        plain = cell.clamp(values)
        pixels = pixels + self._model.pixel_change(plain - values)
        work = _Work(self._model, pixels, plain, cell)
        for stage in self._stages():
            stage(work)
            if work.done:
                break
        added = (work.result - pixels.clamp(0, 255)).square_().sum()
        return work.result, work.different, float(added)

    def _stages(self) -> Iterator[Callable[["_Work"], None]]:
        for approaches in _PLAIN:
            yield lambda work, n=approaches: work.round_with(_plain, n)
        yield lambda work: work.search(self._search(), _FIRST_SEARCH)
        for approaches in _SHAPED:
            yield lambda work, n=approaches: work.round_with(self._shaped(), n)
        yield lambda work: work.search(self._search(), _LAST_SEARCH)


def _plain(pixels: Tensor) -> Tensor:
    return pixels.round().int()


class _Work:
    """The units that are not exact yet, and the best result so far of all."""

    def __init__(self, model: UnitModel, pixels: Tensor, values: Tensor, cell: Cell) -> None:
        self._model = model
        self._cell = cell
        self._active = torch.arange(len(pixels), device=pixels.device)
        self._margin = (cell.steps * 0.3).clamp(max=_MARGIN).expand_as(values)
        self._values = values
        self._pixels = pixels.clone()
        self.result = torch.empty_like(pixels, dtype=torch.int32)
        self._misses = torch.full((len(pixels),), values.shape[1] + 1, device=pixels.device)

    @property
    def done(self) -> bool:
        return not len(self._active)

    @property
    def different(self) -> int:
        return int(self._misses.sum())

    def round_with(self, rounding: Callable[[Tensor], Tensor], approaches: int) -> None:
        """Approaches shrunk cell and gamut, rounds, keeps what is best, widens margins."""
        for turn in range(approaches):
            if turn or self._values is None:
                self._values = self._model.coefficients(self._pixels)
            change = self._model.pixel_change(
                self._cell.clamp(self._values, self._margin) - self._values
            )
            self._pixels = self._pixels.add_(change).clamp_(0, 255)
        rounded = rounding(self._pixels)
        excess = self._cell.excess(self._model.integer_coefficients(rounded))
        outside = excess > 0
        self._margin = torch.minimum(
            self._margin + excess + outside * 0.25, self._cell.steps * 0.45
        )
        self._keep(rounded, outside)

    def search(self, search: LocalSearch, rounds: int) -> None:
        """Local search from the best pixels of the active units."""
        found = search(self.result[self._active], self._cell, rounds)
        excess = self._cell.excess(self._model.integer_coefficients(found))
        self._keep(found, excess > 0)

    def _keep(self, pixels: Tensor, outside: Tensor) -> None:
        """Keeps the pixels (M, C, P) that miss less than before, and drops the exact units."""
        misses = outside.sum(dim=1)
        better = misses < self._misses[self._active]
        where = self._active[better]
        self.result[where] = pixels[better]
        self._misses[where] = misses[better]
        left = misses > 0
        self._active, self._pixels = self._active[left], self._pixels[left]
        self._margin, self._cell = self._margin[left], self._cell.select(left)
        self._values = None
