"""A picture encoded again as its file was: what differs, and how far it is. Needs torch if it is.

The one place where a written picture is held against its file: for the verdict of ``jpegx verify``,
for what is said of pictures that are decoded, and for evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Recompressed:
    """The coefficients of a picture, encoded with the tables and the sampling of a file.

    ``coefficients``: int16 (block rows, block columns, 8, 8) for each component.
    """

    jpeg: QuantizedJpeg
    coefficients: tuple[np.ndarray, ...]

    @cached_property
    def different(self) -> tuple[int, ...]:
        """For each component how many coefficients are not those of the file."""
        pairs = zip(self.coefficients, self.jpeg.coefficients, strict=True)
        return tuple(int(np.count_nonzero(ours != theirs)) for ours, theirs in pairs)

    @property
    def share(self) -> float:
        """The share of them (0 to 1) among all: those that lie outside their cell."""
        return sum(self.different) / sum(grid.size for grid in self.coefficients)

    @cached_property
    def rmse(self) -> float:
        """Consistency RMSE in gray levels (Man et al. 2022, Eq. 1): of the two decoded files."""
        if not any(self.different):
            return 0.0
        from jpegx.consistency.measure import consistency_rmse

        return consistency_rmse(*self._tensors(), self.jpeg.layout)

    def change(self) -> np.ndarray:
        """The decoded re-encoding minus the decoded file, float32 (C, H, W), gray levels."""
        from jpegx.consistency.measure import decoded_change

        change: np.ndarray = decoded_change(*self._tensors(), self.jpeg.layout).numpy()
        return change

    def _tensors(self) -> "tuple[list[Tensor], list[Tensor], list[Tensor]]":
        """The file's coefficients, the picture's, and the tables."""
        import torch

        def tensors(grids: Sequence[np.ndarray]) -> "list[Tensor]":
            return [torch.tensor(grid) for grid in grids]

        jpeg = self.jpeg
        return tensors(jpeg.coefficients), tensors(self.coefficients), tensors(jpeg.tables)


def recompress(jpeg: QuantizedJpeg, pixels: np.ndarray) -> Recompressed:
    """Encode a picture with libjpeg 6b as a file was encoded.

    ``pixels``: uint8 (height, width, channels), 3 channels (RGB) or, for a gray file, also 1.
    Raises PictureMismatch if the picture does not fit, UnsupportedJpeg for fractional sampling.
    """
    return Recompressed(jpeg, libjpeg.encode(pixels, jpeg.layout, jpeg.tables))
