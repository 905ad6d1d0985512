"""Projection in real numbers, as the last layer of a generator.

Eq. 11 of Man et al. 2022 within the network, as Bahat and Michaeli (2021) bound the coefficients of
theirs: each DCT coefficient is taken into its cell, a little inside the walls, so that no loss has
to ask for it. Losses that do make the samples alike, because to draw less is the cheap way to stay
inside. What rounding and clipping to 8 bits still takes out is left to the exact projection
(:mod:`jpegx.consistency`), which ``--project`` stands for.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg import transform
from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.jpeg_batch import JpegBatch, Walls
from jpegx.jpeg.layout import Layout
from jpegx.models.files import Files, joined
from jpegx.models.layers import repeat_samples

# Gray levels to stay inside the walls: rounding to 8 bits moves a coefficient by 0.35.
_MARGIN = 1.0
BYTES_PER_PIXEL = 190  # memory at the peak: float32 images, many of them

Range = tuple[Tensor, Tensor]  # lowest and highest coefficients, (N, rows, columns, 8, 8)


def project(images: Tensor, files: Files, samples: int) -> Tensor:
    """The images (N * samples, 3, H, W), gray levels / 255, with coefficients in their cells.

    Into the cells, into 0 … 1, into the cells again: to clip a picture moves its coefficients, and
    the second time far less is left to clip. Walls are 1 gray level inside those of the cell, at
    most half of the way to its middle. Where a value is held, the gradient passes if it pulls
    inwards. Files with a fractional sampling ratio (3 to 2) are left as they are.
    """
    parts = images.split([len(batch) * samples for batch in files])
    with torch.autocast(images.device.type, enabled=False):
        return joined([_project(p, f, samples) for p, f in zip(parts, files, strict=True)])


def _project(images: Tensor, files: JpegBatch, samples: int) -> Tensor:
    if files.layout.is_fractional:
        return images
    ranges = [_range(walls, samples) for walls in files.cell()]
    pixels = images * 255
    if files.layout.channels == 1:
        pixels = pixels.mean(dim=1, keepdim=True)
    black, white = pixels.new_tensor([0, 255])
    inside = hold(into_ranges(ranges, pixels, files.layout), black, white)
    projected = into_ranges(ranges, inside, files.layout)
    # The channels of a gray file keep what they differ in.
    return projected / 255 if pixels.shape == images.shape else images + (projected - pixels) / 255


def _range(walls: Walls, samples: int) -> Range:
    """Where the coefficients of a component may be, for the samples of each file."""
    room = torch.maximum(walls.half - _MARGIN, walls.half / 2)
    low, high = walls.centre - room, walls.centre + room
    return repeat_samples(low, samples), repeat_samples(high, samples)


def into_ranges(ranges: Sequence[Range], pixels: Tensor, layout: Layout) -> Tensor:
    """Pixels (N, C, H, W) in gray levels, changed so that their coefficients are within ranges."""
    values = transform.encode_dct(pixels, layout)
    change = [hold(v, *room) - v for v, room in zip(values, ranges, strict=True)]
    components = transform.repeated(transform.planes(change), layout)
    seen = torch.stack([c[:, : layout.height, : layout.width] for c in components], dim=1)
    return pixels + change_in_pixels(seen, layout)


def hold(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Values clamped to low … high. Of the gradient of those held, what pulls inwards passes.

    A step goes against the gradient. That of a clamp is 0 outside: what is there would stay there.
    """
    if not (values.requires_grad and torch.is_grad_enabled()):
        return values.clamp(low, high)
    with torch.no_grad():
        excess = values - values.clamp(low, high)
    held = values - excess
    held.register_hook(lambda gradient: gradient.masked_fill(gradient * excess < 0, 0))
    return held
