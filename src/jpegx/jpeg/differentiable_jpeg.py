"""JPEG as a layer: compression and decompression with a file's own tables, differentiable."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.transform import (
    decode_dct,
    dequantize,
    encode_dct,
    normalize,
    round_straight_through,
)


class DifferentiableJpeg(nn.Module):
    """JPEG with given tables and sampling, on images (N, channels, height, width), 0 to 1.

    Of any size, in any floating type, on any device; ``channels`` is 1 for "gray", else 3 (RGB).
    What a file of them holds is :meth:`coefficients`, rounded; :meth:`decode` shows it, and the
    module itself does both, with the gradient of the identity through the rounding (Man et al.
    2022, section 4.2). The model is real-valued: libjpeg's rounding of Y, Cb, Cr and of reduced
    chroma to integers is left out, and images are neither rounded nor clipped. It computes in the
    images' own type, or in float32 where that is less. The tables are buffers, and part of the
    state that is saved.

    ``tables``: steps (8, 8) of each component, in natural order. ``factors``: sampling, as of
    :class:`Layout`; those of 4:2:0 are ((2, 2), (1, 1), (1, 1)). ``color_space``: "ycbcr", "gray"
    or "rgb". Raises ValueError for another one, if the numbers of tables and factors differ, a step
    is no number from 1 up, or a ratio of ``factors`` is no whole number.
    """

    def __init__(
        self,
        tables: Sequence[ArrayLike],
        factors: Sequence[tuple[int, int]] = ((2, 2), (1, 1), (1, 1)),
        color_space: ColorSpace = "ycbcr",
    ) -> None:
        super().__init__()
        self._any_size = Layout(8, 8, color_space, _pairs(factors))
        if self._any_size.is_fractional:
            raise ValueError(f"fractional sampling {self._any_size.factors}")
        self.steps = nn.Buffer(_steps(tables, len(self._any_size.factors)))

    @classmethod
    def of_file(
        cls, jpeg: QuantizedJpeg | str | PathLike[str] | bytes | BinaryIO
    ) -> "DifferentiableJpeg":
        """With the tables, sampling and colour space of a file, for images of any size.

        ``jpeg``: the file, its name, or what else :func:`jpegx.read_jpeg` reads. Raises what that
        raises, and ValueError for fractional sampling.
        """
        if not isinstance(jpeg, QuantizedJpeg):
            jpeg = read_jpeg(Path(jpeg) if isinstance(jpeg, str | PathLike) else jpeg)
        return cls(jpeg.tables, jpeg.layout.factors, jpeg.layout.color_space)

    def layout(self, height: int, width: int) -> Layout:
        """The layout of the file that an image of a size becomes."""
        return Layout(width, height, self._any_size.color_space, self._any_size.factors)

    def coefficients(self, images: Tensor) -> list[Tensor]:
        """DCT coefficients in steps, not rounded: (N, block rows, block columns, 8, 8) each.

        A file holds their nearest integers. In the type of the images, at least float32. Raises
        TypeError for images that are no floating tensor, ValueError for another shape than (N,
        channels, height, width), or another device than that of the module.
        """
        channels = self._any_size.channels
        if not isinstance(images, Tensor):
            raise TypeError(f"images: a {type(images).__name__}; give a tensor of numbers 0 to 1")
        if not images.is_floating_point():
            raise TypeError(f"images of {images.dtype}; give numbers 0 to 1, as uint8 / 255 is")
        if images.dim() != 4 or images.shape[1] != channels:
            raise ValueError(
                f"images of shape {tuple(images.shape)}; give (N, {channels}, height, width)"
            )
        self._check_device("images", images)
        layout = self.layout(*images.shape[2:])
        return normalize(encode_dct(_wide(images) * 255, layout), self._tables())

    def decode(self, coefficients: Sequence[Tensor], height: int, width: int) -> Tensor:
        """The images of coefficients as :meth:`coefficients` returns them, also of a file's own.

        With bilinear up-sampling of the chroma. In the type of the coefficients, at least float32,
        and of integers in float32. Raises TypeError for what are no tensors, ValueError for other
        shapes than those of the size, or another device than that of the module.
        """
        layout = self.layout(height, width)
        shapes = [(*layout.blocks(c), 8, 8) for c in range(len(layout.factors))]
        if isinstance(coefficients, Tensor) or not all(
            isinstance(grid, Tensor) for grid in coefficients
        ):
            raise TypeError(f"coefficients: give a list of {len(shapes)} tensors, one a component")
        given = [tuple(grid.shape) for grid in coefficients]
        if [shape[1:] for shape in given] != shapes or len({shape[0] for shape in given}) != 1:
            wanted = ", ".join(f"(N, {', '.join(map(str, shape))})" for shape in shapes)
            raise ValueError(
                f"coefficients of shapes {', '.join(map(str, given)) or 'none'}; an image of "
                f"{height} rows and {width} columns has {wanted}"
            )
        for grid in coefficients:
            self._check_device("coefficients", grid)
        values = [_wide(grid) for grid in coefficients]
        return decode_dct(dequantize(values, self._tables()), layout) / 255

    def forward(self, images: Tensor) -> Tensor:
        """The images, compressed and decompressed, in their own type.

        Raises what :meth:`coefficients` raises.
        """
        rounded = [round_straight_through(values) for values in self.coefficients(images)]
        return self.decode(rounded, *images.shape[2:]).to(images.dtype)

    def _tables(self) -> list[Tensor]:
        return list(self.steps)

    def _check_device(self, what: str, values: Tensor) -> None:
        device = self.steps.device
        if values.device != device:
            raise ValueError(f"{what} on {values.device}, the tables on {device}; move one of them")


def _wide(values: Tensor) -> Tensor:
    """Values in their own type, or in float32 if that has more digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _pairs(factors: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    try:
        return tuple((int(across), int(down)) for across, down in factors)
    except (TypeError, ValueError):
        raise ValueError(
            f"factors {factors!r}: one pair for each component, as ((2, 2), (1, 1), (1, 1))"
        ) from None


def _steps(tables: Sequence[ArrayLike], count: int) -> Tensor:
    """The steps of ``count`` tables, float32 (count, 8, 8). Raises ValueError."""
    try:
        steps = torch.tensor(np.array([np.asarray(table, np.float32) for table in tables]))
    except (TypeError, ValueError):  # no numbers, or of several shapes
        steps = torch.empty(0)
    if steps.shape != (count, 8, 8) or not (steps >= 1).all() or not steps.isfinite().all():
        raise ValueError(f"tables: one of 8 x 8 steps, 1 and more, for each of {count}")
    return steps
