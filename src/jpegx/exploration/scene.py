"""What an objective sees: the units of a region, their pixels before the edit, and the region."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from jpegx.exploration.selection import Selection, Touched
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg

LUMA = (0.299, 0.587, 0.114)  # of R, G, B (ITU-T T.871)


@dataclass(frozen=True)
class Scene:
    """The box of the units that a region touches.

    ``jpeg``: the whole file. ``before``: uint8 (height, width, channels), the box's pixels before
    the edit. ``look``: gives the pixels of any other box of the picture before the edit.
    """

    jpeg: QuantizedJpeg
    region: Selection
    touched: Touched
    before: np.ndarray
    look: Callable[[Box], np.ndarray]

    @property
    def box(self) -> Box:
        """The box of units, in the picture."""
        return self.touched.box

    @cached_property
    def start(self) -> Tensor:
        """The pixels before the edit, float32 (C, H, W) in gray levels."""
        return image_of(self.before)

    @cached_property
    def mask(self) -> Tensor:
        """The region, bool (H, W)."""
        return torch.from_numpy(self.region.inside(self.box))

    @cached_property
    def units(self) -> Tensor:
        """The pixels of the units that may change, bool (H, W)."""
        return torch.from_numpy(self.touched.pixel_mask().copy())

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the region of values (..., H, W)."""
        return values[..., self.mask].mean()


def image_of(pixels: np.ndarray) -> Tensor:
    """Pixels (height, width, channels) as an image, float32 (C, H, W) in gray levels."""
    return torch.tensor(pixels).permute(2, 0, 1).float()


def luma(image: Tensor) -> Tensor:
    """The luma (H, W) of an image (C, H, W); of a gray one the image itself."""
    if len(image) == 1:
        return image[0]
    return torch.einsum("c,chw->hw", image.new_tensor(LUMA), image)
