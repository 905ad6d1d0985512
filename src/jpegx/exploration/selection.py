"""Regions: some pixels of a picture, and the minimum coded units (MCUs) that they touch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Literal, get_args

import numpy as np

from jpegx.exploration.shapes import BadRegion, Shape
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout

Snap = Literal["none", "blocks", "units"]
SNAPS: tuple[Snap, ...] = get_args(Snap)


@dataclass(frozen=True)
class Selection:
    """Some pixels of a picture: a region as the user means it.

    ``box``: the least rectangle that holds them; ``mask``: which of its pixels they are, bool
    (height, width). At least one is.
    """

    layout: Layout
    box: Box
    mask: np.ndarray

    @property
    def pixels(self) -> int:
        """How many."""
        return int(np.count_nonzero(self.mask))

    @property
    def text(self) -> str:
        """What messages call it: its box as X,Y,WxH, and its pixels if it is not all of the box."""
        box = self.box
        place = f"{box.left},{box.top},{box.right - box.left}x{box.bottom - box.top}"
        return place if self.mask.all() else f"{self.pixels} pixels in {place}"

    def whole(self) -> np.ndarray:
        """The mask of the whole picture, bool (height, width)."""
        mask = np.zeros((self.layout.height, self.layout.width), bool)
        mask[self.box.rows, self.box.columns] = self.mask
        return mask

    def inside(self, outer: Box) -> np.ndarray:
        """Which pixels of a box that holds them they are, bool (height, width)."""
        mask = np.zeros((outer.bottom - outer.top, outer.right - outer.left), bool)
        inner = self.box.inside(outer)
        mask[inner.rows, inner.columns] = self.mask
        return mask

    def ring(self, width: int) -> "Selection | None":
        """What lies around it, no pixel farther than ``width`` (as the king moves); None if none.

        Holes of the region are around it, too.
        """
        layout = self.layout
        outer = widened(self.box, width, layout)
        inside = self.inside(outer)
        near = _grown(_grown(inside, width, 0), width, 1)
        return _cropped(layout, outer, near & ~inside)

    def joined(self, other: "Selection") -> "Selection":
        """The pixels of both."""
        box = around((self.box, other.box))
        return Selection(self.layout, box, self.inside(box) | other.inside(box))

    def snapped(self, snap: Snap) -> "Selection":
        """All of the 8x8 blocks of the finest component, or of the units, that it touches.

        Raises BadRegion for another ``snap``.
        """
        if snap not in SNAPS:
            raise BadRegion(f"snap {snap!r}: one of {', '.join(SNAPS)} is asked for")
        if snap == "none":
            return self
        size = (8, 8) if snap == "blocks" else self.layout.mcu_size
        grid = _cells(self, size)
        mask = grid.mask.repeat(size[1], axis=0).repeat(size[0], axis=1)
        box = grid.pixel_box(size)
        found = _cropped(self.layout, box, mask[: box.bottom - box.top, : box.right - box.left])
        assert found is not None  # it holds the region
        return found


def select(
    layout: Layout, shapes: Sequence[Shape], *, invert: bool = False, snap: Snap = "none"
) -> Selection:
    """The union of shapes, or the whole picture if there are none; ``invert``: all other pixels.

    What lies outside of the picture is left out. Raises BadRegion if nothing is left.
    """
    whole = Box(0, 0, layout.height, layout.width)
    if not shapes:
        box, mask = whole, np.ones((layout.height, layout.width), bool)
    else:
        boxes = [_clipped(shape.box(), layout) for shape in shapes]
        held = [b for b in boxes if b is not None]
        box = whole if invert else around(held)
        mask = np.zeros((box.bottom - box.top, box.right - box.left), bool)
        for shape, part in zip(shapes, boxes, strict=True):
            if part is not None:
                inner = part.inside(box)
                mask[inner.rows, inner.columns] |= shape.draw(part)
    found = _cropped(layout, box, ~mask if invert else mask)
    if found is None:
        raise BadRegion(
            f"the region holds no pixel of the picture ({layout.width}x{layout.height})"
        )
    return found.snapped(snap)


@dataclass(frozen=True)
class Touched:
    """The units that a region touches: JPEG mixes their pixels with no others.

    ``rows``, ``columns``: the least rectangle of units that holds them; ``mask``: which of it they
    are, bool (rows, columns).
    """

    layout: Layout
    rows: range
    columns: range
    mask: np.ndarray

    @property
    def units(self) -> list[tuple[int, int]]:
        """(row, column) of each in the picture."""
        down, across = np.nonzero(self.mask)
        first = (self.rows.start, self.columns.start)
        return [(first[0] + int(y), first[1] + int(x)) for y, x in zip(down, across, strict=True)]

    @property
    def box(self) -> Box:
        """The pixels of the rectangle of units."""
        return self.pixel_box(self.layout.mcu_size)

    def pixel_box(self, size: tuple[int, int]) -> Box:
        """The pixels of a rectangle of cells of a size (width, height)."""
        width, height = size
        return Box(
            self.rows.start * height,
            self.columns.start * width,
            min(self.rows.stop * height, self.layout.height),
            min(self.columns.stop * width, self.layout.width),
        )

    def pixel_mask(self) -> np.ndarray:
        """Which pixels of :attr:`box` belong to the units, bool (height, width)."""
        width, height = self.layout.mcu_size
        box = self.box
        mask = self.mask.repeat(height, axis=0).repeat(width, axis=1)
        return mask[: box.bottom - box.top, : box.right - box.left]

    def jpeg(self, jpeg: QuantizedJpeg) -> QuantizedJpeg:
        """The part of a file in :attr:`box`, as a file of its own: same tables, its own blocks."""
        box = self.box
        layout = Layout(
            box.right - box.left,
            box.bottom - box.top,
            jpeg.layout.color_space,
            jpeg.layout.factors,
        )
        rows, columns = self.rows, self.columns
        coefficients = tuple(
            grid[rows.start * v : rows.stop * v, columns.start * h : columns.stop * h]
            for grid, (h, v) in zip(jpeg.coefficients, jpeg.layout.factors, strict=True)
        )
        return replace(jpeg, layout=layout, coefficients=coefficients, stream=b"")


def touched(selection: Selection) -> Touched:
    """The units that a region touches. Raises UnsupportedJpeg for fractional sampling."""
    selection.layout.refuse_fractional()
    return _cells(selection, selection.layout.mcu_size)


def _cells(selection: Selection, size: tuple[int, int]) -> Touched:
    """The cells of a grid (width, height) that the region touches."""
    (width, height), box = size, selection.box
    rows = range(box.top // height, ceil(box.bottom / height))
    columns = range(box.left // width, ceil(box.right / width))
    outer = Box(
        rows.start * height, columns.start * width, rows.stop * height, columns.stop * width
    )
    grid = selection.inside(outer).reshape(len(rows), height, len(columns), width)
    mask = np.asarray(grid.any(axis=(1, 3)))
    return Touched(selection.layout, rows, columns, mask)


def _clipped(box: tuple[float, float, float, float], layout: Layout) -> Box | None:
    left, top, right, bottom = box
    found = Box(
        max(0, floor(top)),
        max(0, floor(left)),
        min(layout.height, ceil(bottom)),
        min(layout.width, ceil(right)),
    )
    return found if found.top < found.bottom and found.left < found.right else None


def widened(box: Box, by: int, layout: Layout) -> Box:
    """A box with so many pixels more of the picture on each side."""
    return Box(
        max(0, box.top - by),
        max(0, box.left - by),
        min(layout.height, box.bottom + by),
        min(layout.width, box.right + by),
    )


def around(boxes: Sequence[Box]) -> Box:
    """The least box that holds all of some; an empty one for none."""
    if not boxes:
        return Box(0, 0, 0, 0)
    return Box(
        min(b.top for b in boxes),
        min(b.left for b in boxes),
        max(b.bottom for b in boxes),
        max(b.right for b in boxes),
    )


def _cropped(layout: Layout, box: Box, mask: np.ndarray) -> Selection | None:
    """The selection of a mask (height, width) in a box; None if it is empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    inner = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return Selection(layout, inner.outside(box), mask[inner.rows, inner.columns].copy())


def _grown(mask: np.ndarray, width: int, axis: int) -> np.ndarray:
    """The pixels that are no farther than ``width`` from one of the mask along an axis."""
    counts = np.cumsum(mask, axis=axis, dtype=np.int64)
    size = mask.shape[axis]
    last = np.take(counts, np.minimum(np.arange(size) + width, size - 1), axis=axis)
    before = np.arange(size) - width - 1
    first = np.take(counts, np.maximum(before, 0), axis=axis)
    shape = [1, 1]
    shape[axis] = size
    first = np.where((before >= 0).reshape(shape), first, 0)
    near: np.ndarray = last > first
    return near
