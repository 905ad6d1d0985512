"""JPEG as a layer: compression and decompression with a file's own tables, differentiable."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from jpegx.jpeg.file import QuantizedJpeg
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
    chroma to integers is left out, and images are neither rounded nor clipped. The tables are
    buffers, and part of the state that is saved.

    ``tables``: steps (8, 8) of each component, in natural order. ``factors``: sampling, as of
    :class:`Layout`; those of 4:2:0 are ((2, 2), (1, 1), (1, 1)). ``color_space``: "ycbcr", "gray"
    or "rgb". Raises ValueError for another one, if the numbers of tables and factors differ, a step
    is below 1, or a ratio of ``factors`` is no whole number.
    """

    def __init__(
        self,
        tables: Sequence[ArrayLike],
        factors: Sequence[tuple[int, int]] = ((2, 2), (1, 1), (1, 1)),
        color_space: ColorSpace = "ycbcr",
    ) -> None:
        super().__init__()
        self._any_size = Layout(8, 8, color_space, tuple(factors))
        if self._any_size.is_fractional:
            raise ValueError(f"fractional sampling {self._any_size.factors}")
        steps = [torch.tensor(np.asarray(table), dtype=torch.float32) for table in tables]
        if len(steps) != len(factors) or any(t.shape != (8, 8) or t.min() < 1 for t in steps):
            raise ValueError(f"tables: one of 8 x 8 steps, 1 and more, for each of {len(factors)}")
        self.steps = nn.Buffer(torch.stack(steps))

    @classmethod
    def of_file(cls, jpeg: QuantizedJpeg) -> "DifferentiableJpeg":
        """With the tables, sampling and colour space of a file, for images of any size."""
        return cls(jpeg.tables, jpeg.layout.factors, jpeg.layout.color_space)

    def layout(self, height: int, width: int) -> Layout:
        """The layout of the file that an image of a size becomes."""
        return Layout(width, height, self._any_size.color_space, self._any_size.factors)

    def coefficients(self, images: Tensor) -> list[Tensor]:
        """DCT coefficients in steps, not rounded: (N, block rows, block columns, 8, 8) each.

        A file holds their nearest integers. Raises ValueError for another number of channels.
        """
        layout = self.layout(*images.shape[2:])
        if images.shape[1] != layout.channels:
            raise ValueError(f"images of {images.shape[1]} channels, not {layout.channels}")
        return normalize(encode_dct(images * 255, layout), self._tables())

    def decode(self, coefficients: Sequence[Tensor], height: int, width: int) -> Tensor:
        """The images of coefficients as :meth:`coefficients` returns them, also of a file's own.

        With bilinear up-sampling of the chroma.
        """
        layout = self.layout(height, width)
        values = [grid.to(self.steps.dtype) for grid in coefficients]
        return decode_dct(dequantize(values, self._tables()), layout) / 255

    def forward(self, images: Tensor) -> Tensor:
        """The images, compressed and decompressed."""
        rounded = [round_straight_through(values) for values in self.coefficients(images)]
        return self.decode(rounded, *images.shape[2:])

    def _tables(self) -> list[Tensor]:
        return list(self.steps)
