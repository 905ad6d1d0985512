"""JPEG files as networks see them: coefficients and tables of one layout, on one device."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, lcm
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import dequantize, images_of_planes, planes


class Walls(NamedTuple):
    """The cells of one component, DCT units: everything within ``half`` of ``centre``.

    ``centre``: (N, block rows, block columns, 8, 8), ``half``: (N, 1, 1, 8, 8), float32.
    """

    centre: Tensor
    half: Tensor


class _View(NamedTuple):
    """What the decoded images are: a change of those of other files.

    ``box``: they are this part of them, which have the blocks around it.
    """

    whole: "JpegBatch"
    change: Callable[[Tensor], Tensor]
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class JpegBatch:
    """N JPEG files of one layout, or the same part of them.

    ``coefficients``: quantized, integers of any type, (N, block rows, block columns, 8, 8) for each
    component in natural order. ``tables``: quantization steps, (N, 8, 8) for each. ``origin``: top
    and left of the part in the pictures. A gray file has one component, and stays gray.
    """

    layout: Layout
    coefficients: tuple[Tensor, ...]
    tables: tuple[Tensor, ...]
    origin: tuple[int, int] = (0, 0)
    _view: _View | None = field(default=None, repr=False)

    @classmethod
    def of_file(cls, jpeg: QuantizedJpeg) -> "JpegBatch":
        """One file, on the CPU."""
        coefficients = tuple(torch.tensor(grid)[None] for grid in jpeg.coefficients)
        return cls(jpeg.layout, coefficients, tuple(torch.tensor(t)[None] for t in jpeg.tables))

    def __len__(self) -> int:
        """The number of files N."""
        return len(self.coefficients[0])

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.coefficients[0].device

    def to(self, device: torch.device) -> "JpegBatch":
        """The files on another device."""
        return self._map(lambda values: values.to(device))

    def select(self, files: slice) -> "JpegBatch":
        """Some of the files."""
        return self._map(lambda values: values[files])

    def decoded(self) -> Tensor:
        """Decoded images, float32 (N, C, H, W), gray levels, neither rounded nor clipped.

        With smooth up-sampling of the chroma; C is 1 for gray files. Of a part they are the same
        numbers as in the whole picture.
        """
        return self._decoded

    @cached_property
    def _decoded(self) -> Tensor:
        return self._decode()

    def _decode(self) -> Tensor:
        if self._view is not None:
            return self._view.change(self._view.whole._decode())
        return images_of_planes(self.planes(), self.layout)

    def planes(self) -> list[Tensor]:
        """The components at their own resolution, float32 (N, 8 rows, 8 columns), centred on 0."""
        values = [grid.to(torch.float32) for grid in self.coefficients]
        return planes(dequantize(values, self.tables))

    def cell(self) -> list[Walls]:
        """For each component where its coefficients before rounding may have been."""
        cells = []
        for grid, table in zip(self.coefficients, self.tables, strict=True):
            steps = table.to(torch.float32)[:, None, None]
            cells.append(Walls(grid.to(torch.float32) * steps, steps / 2))
        return cells

    def crop(self, box: Box) -> "JpegBatch":
        """The part of the files in a box of pixels that begins, and ends, where units do.

        Raises ValueError for another. Blocks around it are still seen where chroma is up-sampled.
        """
        layout, (width, height) = self.layout, self.layout.mcu_size
        if box == Box(0, 0, layout.height, layout.width):
            return self
        if self._view is not None and self._view.box is not None:
            return self._view.whole.crop(box.outside(self._view.box))
        aligned = box.top % height == 0 and box.left % width == 0
        down = box.bottom % height == 0 or box.bottom == layout.height
        if not (aligned and down and (box.right % width == 0 or box.right == layout.width)):
            raise ValueError(f"{box} cuts units of {width}x{height}")
        rows = slice(max(0, box.top // height - 1), ceil(box.bottom / height) + 1)
        columns = slice(max(0, box.left // width - 1), ceil(box.right / width) + 1)
        outer = Box(
            rows.start * height,
            columns.start * width,
            min(rows.stop * height, layout.height),
            min(columns.stop * width, layout.width),
        )
        around, inner = self._blocks(outer, rows, columns), box.inside(outer)
        if self._view is not None:
            around, inner = self, box
        rows = slice(box.top // height, ceil(box.bottom / height))
        columns = slice(box.left // width, ceil(box.right / width))
        view = _View(around, lambda image: inner.of(image).contiguous(), inner)
        return replace(self._blocks(box, rows, columns), _view=view)

    def mirrored(self, dims: tuple[int, ...], multiple: int = 1) -> "JpegBatch":
        """The files mirrored along dimensions of the image, 2, 3 or both, in whole units.

        As ``jpegtran -flip`` does it, at a size that is also a multiple of so many pixels. Beyond
        its edges the decoded image repeats them, and where the file has no blocks they are 0.
        """
        layout = self.layout
        unit_width, unit_height = (lcm(multiple, unit) for unit in layout.mcu_size)
        height = ceil(layout.height / unit_height) * unit_height
        width = ceil(layout.width / unit_width) * unit_width
        whole = Layout(width, height, layout.color_space, layout.factors)
        padding = (0, width - layout.width, 0, height - layout.height)
        coefficients = tuple(
            _mirrored(_grown(grid, *whole.blocks(c)), dims)
            for c, grid in enumerate(self.coefficients)
        )
        view = _View(self, lambda image: F.pad(image, padding, mode="replicate").flip(dims))
        return replace(self, layout=whole, coefficients=coefficients, _view=view)

    def _blocks(self, box: Box, rows: slice, columns: slice) -> "JpegBatch":
        """The blocks in these rows and columns of units, whose pixels lie in a box."""
        size = (box.right - box.left, box.bottom - box.top)
        coefficients = tuple(
            grid[:, rows.start * v : rows.stop * v, columns.start * h : columns.stop * h]
            for grid, (h, v) in zip(self.coefficients, self.layout.factors, strict=True)
        )
        return JpegBatch(
            Layout(*size, self.layout.color_space, self.layout.factors),
            coefficients,
            self.tables,
            (self.origin[0] + box.top, self.origin[1] + box.left),
        )

    def _map(self, change: Callable[[Tensor], Tensor]) -> "JpegBatch":
        view = self._view
        changed = replace(
            self,
            coefficients=tuple(change(values) for values in self.coefficients),
            tables=tuple(change(values) for values in self.tables),
            _view=None if view is None else view._replace(whole=view.whole._map(change)),
        )
        if "_decoded" in self.__dict__:  # what is decoded already need not be once more
            changed.__dict__["_decoded"] = change(self._decoded)
        return changed


def _grown(grid: Tensor, rows: int, columns: int) -> Tensor:
    """A grid (N, r, c, 8, 8) with blocks of zeros up to so many rows and columns."""
    padding = (0, 0, 0, 0, 0, columns - grid.shape[2], 0, rows - grid.shape[1])
    return F.pad(grid, padding)


def _mirrored(grid: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The blocks in the other order, and odd frequencies with the other sign."""
    signs = torch.tensor([1, -1] * 4, dtype=grid.dtype, device=grid.device)
    if 2 in dims:
        grid = grid.flip(1) * signs[:, None]
    if 3 in dims:
        grid = grid.flip(2) * signs
    return grid
