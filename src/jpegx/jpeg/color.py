"""Colour conversion between the pixels of an image and the components of a JPEG file."""

from functools import lru_cache

import torch
from torch import Tensor

from jpegx.jpeg.dct import exact_type
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_arrays import COLOR, COLOR_OFFSET

_Matrix = tuple[tuple[float, ...], ...]

# ITU-T T.871, 7: Y, Cb, Cr from R, G, B (all 0 to 255, chroma centred on 128).
_TO_YCBCR: _Matrix = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)
_TO_RGB: _Matrix = (
    (1.0, 0.0, 1.402),
    (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587),
    (1.0, 1.772, 0.0),
)
# libjpeg's own, in fixed point.
_SHIFTED: _Matrix = tuple(tuple(value / (1 << 16) for value in row) for row in COLOR)


@lru_cache
def _tensor(matrix: _Matrix, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(matrix, device=device, dtype=dtype)


def _mix(channels: Tensor, matrix: _Matrix) -> Tensor:
    mixed = _tensor(matrix, channels.device, channels.dtype) @ channels.flatten(2)
    return mixed.view(channels.shape)


def to_components(pixels: Tensor, layout: Layout) -> Tensor:
    """Components (N, C, ...) centred on 0 of pixels (N, C, ...) in gray levels 0 to 255.

    Y, Cb, Cr for a "ycbcr" layout; the channels themselves for "gray" and "rgb". Differentiable.
    """
    if layout.color_space != "ycbcr":
        return pixels - 128.0
    mixed = change_in_components(pixels, layout)
    mixed[:, 0] -= 128.0  # the rows for chroma sum to 0
    return mixed


def to_pixels(components: Tensor, layout: Layout) -> Tensor:
    """Inverse of :func:`to_components`: pixels (N, C, ...) in gray levels, not clipped."""
    return change_in_pixels(components, layout) + 128.0


def change_in_pixels(change: Tensor, layout: Layout) -> Tensor:
    """Change of the pixels (N, C, ...) that a change of the components (N, C, ...) makes."""
    return _mix(change, _TO_RGB) if layout.color_space == "ycbcr" else change


def change_in_components(change: Tensor, layout: Layout) -> Tensor:
    """Change of the components (N, C, ...) that a change of the pixels (N, C, ...) makes."""
    return _mix(change, _TO_YCBCR) if layout.color_space == "ycbcr" else change


def squared_in_pixels(colours: Tensor) -> Tensor:
    """Squares of the change of R, G, B that one of Cb, Cr (N, 2, ...) makes, their sum (N, 1, ...).

    Differentiable.
    """
    blue, red = colours[:, :1], colours[:, 1:]
    both, own_blue, own_red = (
        sum(row[i] * row[j] for row in _TO_RGB) for i, j in ((1, 2), (1, 1), (2, 2))
    )
    mixed = torch.add(own_blue * blue, red, alpha=2 * both)
    return torch.addcmul(blue * mixed, red, red, value=own_red)


def luma(images: Tensor) -> Tensor:
    """JFIF's luma (N, 1, ...) of RGB (N, 3, ...), in whatever units these are. Differentiable."""
    weights = _tensor(_TO_YCBCR, images.device, images.dtype)[0]
    return torch.einsum("c,nc...->n...", weights, images)[:, None]


def before_rounding(pixels: Tensor, layout: Layout) -> Tensor:
    """What libjpeg's encoder rounds down to its components, (N, C, ...), of 8-bit pixels.

    ``pixels``: (N, C, ...), whole numbers from 0 to 255 of any type. Floating point without error:
    multiples of 2**-16 that stay below 256, which is just what 24 bits hold.
    """
    exact = pixels.to(exact_type(pixels.device))
    if layout.color_space != "ycbcr":
        return exact
    offset = torch.tensor(COLOR_OFFSET, dtype=exact.dtype, device=exact.device) / (1 << 16)
    mixed = _mix(exact, _SHIFTED)
    return mixed.flatten(2).add_(offset[:, None]).view(mixed.shape)


def change_before_rounding(change: Tensor, layout: Layout) -> Tensor:
    """What a change of whole-numbered pixels (N, C, ...) adds to :func:`before_rounding`."""
    exact = change.to(exact_type(change.device))
    return _mix(exact, _SHIFTED) if layout.color_space == "ycbcr" else exact


def to_integer_components(pixels: Tensor, layout: Layout) -> Tensor:
    """libjpeg's own components, whole numbers from 0 to 255 in floating point, (N, C, ...).

    Bit for bit the fixed-point conversion of libjpeg's encoder (the same in 6b and turbo).
    """
    whole = before_rounding(pixels, layout)
    return whole.floor_() if whole is not pixels else whole.floor()


def to_gray(pixels: Tensor) -> Tensor:
    """libjpeg's own gray, whole numbers in floating point (N, 1, ...), of RGB (N, 3, ...)."""
    mixed = _mix(pixels.to(exact_type(pixels.device)), _SHIFTED)[:, :1]
    return mixed.add_(COLOR_OFFSET[0] / (1 << 16)).floor_()
