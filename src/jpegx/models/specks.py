"""Specks: single bright pixels and dots of colour, which samples must not have."""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.color import squared_in_pixels
from jpegx.jpeg.transform import square_means
from jpegx.models.layers import enlarged

_BRIGHT = 2.0  # detail of luma stays below about this, relative to its root mean square around
_COLOUR = 8 / 255  # detail of colours (length in RGB / 255) stays below this
_LEAST = 1e-7  # energy that there is around, so that nothing is divided by 0


def without_specks(change: Tensor) -> Tensor:
    """A change of Y, Cb, Cr (N, 3, H, W) without single bright pixels and dots of colour.

    Photographs have none, critics hardly see them, and people see little else. What luma has in
    detail below 4 pixels is held to about twice its root mean square around; what colours have in
    detail below 8 pixels to theirs, and to a few gray levels.
    """
    brightness, colours = change[:, :1], change[:, 1:]
    smooth = _smooth(brightness, 4)
    detail = brightness - smooth
    energy = detail.square()
    excess = energy / _smooth(energy, 8).add_(_LEAST).mul_(_BRIGHT**2)
    held = detail * excess.square().add_(1).sqrt().rsqrt()
    even = _smooth(colours, 8)
    strewn = colours - even
    energy = squared_in_pixels(strewn)
    excess = energy / _smooth(energy, 8).add_(_LEAST) + energy / _COLOUR**2
    return torch.cat([smooth + held, torch.addcmul(even, strewn, (1 + excess).rsqrt())], dim=1)


def _smooth(values: Tensor, size: int) -> Tensor:
    """Means over squares of so many pixels, interpolated."""
    height, width = values.shape[2:]
    right, bottom = -width % size, -height % size
    padded = F.pad(values, (0, right, 0, bottom), mode="replicate") if right or bottom else values
    return enlarged(square_means(padded, size, size), size)[:, :, :height, :width]
