"""Colour conversion between the pixels of an image and the components of a JPEG file."""

import torch
from torch import Tensor

from jpegx.jpeg.layout import Layout

# ITU-T T.871, 7: Y, Cb, Cr from R, G, B (all 0 to 255, chroma centred on 128).
_TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)
_TO_RGB = (
    (1.0, 0.0, 1.402),
    (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587),
    (1.0, 1.772, 0.0),
)
# libjpeg's fixed-point constants, 16 fractional bits, and what is added before the shift.
_FIXED_TO_YCBCR = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))
_FIXED_OFFSET = (1 << 15, (128 << 16) + (1 << 15) - 1, (128 << 16) + (1 << 15) - 1)


def _mix(channels: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    # Three fused multiply-adds a channel beat a matrix product with a 3x3 matrix several times.
    first, second, third = channels.unbind(1)
    rows = [(first * a).add_(second, alpha=b).add_(third, alpha=c) for a, b, c in matrix]
    return torch.stack(rows, dim=1)


def to_components(pixels: Tensor, layout: Layout) -> Tensor:
    """Components (N, C, ...) centred on 0 of pixels (N, C, ...) in gray levels 0 to 255.

    Y, Cb, Cr for a "ycbcr" layout; the channels themselves for "gray" and "rgb". Differentiable.
    """
    if layout.color_space != "ycbcr":
        return pixels - 128.0
    components = _mix(pixels, _TO_YCBCR)
    components[:, 0] -= 128.0
    return components


def to_pixels(components: Tensor, layout: Layout) -> Tensor:
    """Inverse of :func:`to_components`: pixels (N, C, ...) in gray levels, not clipped."""
    return change_in_pixels(components, layout) + 128.0


def change_in_pixels(change: Tensor, layout: Layout) -> Tensor:
    """Change of the pixels (N, C, ...) that a change of the components (N, C, ...) makes."""
    return _mix(change, _TO_RGB) if layout.color_space == "ycbcr" else change


def to_fixed(pixels: Tensor, layout: Layout) -> tuple[Tensor, int]:
    """Components before libjpeg's rounding shift: int32 (N, C, ...) of int32 pixels, and the shift.

    ``fixed >> shift`` are the integer components; a change d of the pixels adds
    ``change_in_fixed(d)``.
    """
    if layout.color_space != "ycbcr":
        return pixels, 0
    fixed = _mix(pixels, _FIXED_TO_YCBCR)
    for channel, offset in zip(fixed.unbind(1), _FIXED_OFFSET, strict=True):
        channel.add_(offset)
    return fixed, 16


def change_in_fixed(change: Tensor, layout: Layout) -> Tensor:
    """What a change of the int32 pixels (N, C, ...) adds to :func:`to_fixed`."""
    return _mix(change, _FIXED_TO_YCBCR) if layout.color_space == "ycbcr" else change


def to_integer_components(pixels: Tensor, layout: Layout) -> Tensor:
    """libjpeg's own components, int32 (N, C, ...) from 0 to 255, of int32 pixels (N, C, ...).

    Bit for bit the fixed-point conversion of libjpeg's encoder (the same in 6b and turbo).
    """
    fixed, shift = to_fixed(pixels, layout)
    return fixed >> shift if shift else fixed
