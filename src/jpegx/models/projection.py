"""Projection in real numbers, as the last layer of a generator.

Eq. 11 of Man et al. 2022 within the network, as Bahat et al. (2021) bound the coefficients of
theirs: each DCT coefficient is taken into its cell, a little inside the walls, so that no loss has
to ask for it. Losses that do make the samples alike, because to draw less is the cheap way to stay
inside. What rounding and clipping to 8 bits still takes out is left to the exact projection
(:mod:`jpegx.consistency`), which ``--project`` stands for.
"""

import torch
from torch import Tensor

from jpegx.jpeg import transform
from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.layout import Layout
from jpegx.models.conditioning import Conditions, sampling_of
from jpegx.models.layers import repeat_samples

# Gray levels to stay inside the walls: rounding to 8 bits moves a coefficient by 0.35.
_MARGIN = 1.0
BYTES_PER_PIXEL = 190  # memory at the peak: float32 images, many of them


def project(images: Tensor, conditions: Conditions, samples: int) -> Tensor:
    """The images (N * samples, 3, H, W), gray levels / 255, with coefficients in their cells.

    Into the cells, into 0 … 1, into the cells again: to clip a picture moves its coefficients, and
    the second time far less is left to clip. Walls are 1 gray level inside those of the cell, at
    most half of the way to its middle. Where a value is held, the gradient passes if it pulls
    inwards. Files with a sampling ratio that is not a power of 2 are left as they are.
    """
    kinds, kind_of = conditions.sampling.unique(dim=0, return_inverse=True)
    projected = images.clone()
    with torch.autocast(images.device.type, enabled=False):
        for kind, sampling in enumerate(kinds.tolist()):
            layout = _layout(sampling, *images.shape[2:])
            if layout is None:
                continue
            files = kind_of == kind
            components = repeat_samples(conditions.components[files], samples)
            tables = repeat_samples(conditions.tables[files], samples)
            chosen = repeat_samples(files, samples)
            part = images[chosen]
            projected[chosen] = part + _change(part * 255, components, tables, layout) / 255
    return projected


def _change(pixels: Tensor, components: Tensor, tables: Tensor, layout: Layout) -> Tensor:
    """What to add to images in gray levels, each of a file of its own, of one layout."""
    walls = [_walls(components[:, c], tables[:, c], layout, c) for c in range(len(layout.factors))]
    if layout.channels == 1:
        pixels = pixels.mean(dim=1, keepdim=True)
    black, white = pixels.new_tensor([0, 255])
    inside = _hold(_into(walls, pixels, layout), black, white)
    return _into(walls, inside, layout) - pixels


def _layout(sampling: list[float], height: int, width: int) -> Layout | None:
    """The layout that a row of sampling features tells; None with a ratio of no power of 2."""
    space, ratios = sampling_of(sampling)
    if any(ratio % 1 for pair in ratios for ratio in pair):
        return None
    most = [max(pair[axis] for pair in ratios) for axis in (0, 1)]
    factors = tuple((1 << round(most[0] - a), 1 << round(most[1] - d)) for a, d in ratios)
    return Layout(width, height, space, factors)


def _walls(component: Tensor, table: Tensor, layout: Layout, number: int) -> tuple[Tensor, Tensor]:
    """Lowest and highest coefficients, (N, rows, columns, 8, 8), of the file's component.

    ``component``: (N, H', W'), its samples. ``table``: (N, 64).
    """
    (across, down), (rows, columns) = layout.reduction(number), layout.blocks(number)
    plane = component[:, ::down, ::across][:, : 8 * rows, : 8 * columns]
    alone = Layout(8 * columns, 8 * rows, "gray", ((1, 1),))
    middle = transform.encode_dct(plane[:, None] + 128, alone)[0]
    half: Tensor = table.unflatten(1, (8, 8))[:, None, None] / 2
    room = torch.maximum(half - _MARGIN, half / 2)
    return middle - room, middle + room


def _into(walls: list[tuple[Tensor, Tensor]], pixels: Tensor, layout: Layout) -> Tensor:
    """Pixels (N, C, H, W) in gray levels, changed so that their coefficients are within walls."""
    values = transform.encode_dct(pixels, layout)
    change = [_hold(v, *wall) - v for v, wall in zip(values, walls, strict=True)]
    components = transform.repeated(transform.planes(change), layout)
    seen = torch.stack([c[:, : layout.height, : layout.width] for c in components], dim=1)
    return pixels + change_in_pixels(seen, layout)


def _hold(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Values clamped to low … high. Of the gradient of those held, what pulls inwards passes.

    A step goes against the gradient. That of a clamp is 0 outside: what is there would stay there.
    """
    with torch.no_grad():
        excess = values - values.clamp(low, high)
    held = values - excess
    if held.requires_grad:
        held.register_hook(lambda gradient: gradient.masked_fill(gradient * excess < 0, 0))
    return held
