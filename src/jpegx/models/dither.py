"""Dither: random places in the cells of the lowest frequencies, as an image.

Ours. It is uniform dequantization noise, as an input of the generator. The steps of a file's tables
say how uncertain its coefficients are: a mean of a block may lie anywhere within half a step of
what the file holds. Noise inside a network must learn these amplitudes, and does so for detail
alone, so that samples hardly differ in what is larger than a block; with dither it is given them.
The network makes of its jumps at the borders of blocks what it makes of those in the decoded image.
"""

from functools import cache
from math import cos, lcm, log2, pi, sqrt

import torch
from torch import Tensor

from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.layout import Layout
from jpegx.models.files import Files, count, joined
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import Noise, NoiseField

# The mean of a block and its slopes: (vertical, horizontal) frequencies.
_FREQUENCIES = ((0, 0), (0, 1), (1, 0))
_CELL = 8  # pixels between places, whatever the sampling
# Of a fractional ratio (3 to 2), which nothing encodes, the power of 2 next to it is taken.
_LARGEST = 4
_WHOLE = _LARGEST * _CELL  # pixels: places are drawn for so many at a time

# Places of each component and frequency.
PLACES = NoiseField(3 * len(_FREQUENCIES), _CELL, "uniform")


def dither(files: Files, noise: Noise, field: NoiseField, samples: int) -> Tensor:
    """What random places in the cells change in the decoded images: (N * samples, 3, H, W).

    In gray levels / 255, float32. ``field``: ``PLACES``, as the generator has numbered it. With
    noise of full strength the mean and the two slopes of each block of each component are uniform
    in their cells; with weaker noise closer to the middle. Blocks of components that are
    down-sampled span as much more.
    """
    layout, device = files[0].layout, files[0].device
    down, across = (
        lcm(_WHOLE, *(batch.layout.mcu_size[axis] for batch in files)) for axis in (1, 0)
    )
    size = (-(-layout.height // down) * down // _CELL, -(-layout.width // across) * across // _CELL)
    like = torch.empty(count(files) * samples, 1, *size, device=device)
    start = (files[0].origin[0] // _CELL, files[0].origin[1] // _CELL)
    places = noise.draw(field, like, start, samples).unflatten(1, (3, -1))
    parts = places.split([len(batch) * samples for batch in files])
    changes = []
    with torch.autocast(device.type, enabled=False):
        for batch, part in zip(files, parts, strict=True):
            tables = torch.stack([t.to(torch.float32).flatten(1) for t in batch.tables], dim=1)
            steps = tables[:, :, [v * 8 + u for v, u in _FREQUENCIES]]
            amount = part[:, : len(batch.tables)] * repeat_samples(steps, samples)[..., None, None]
            images = _images(amount, batch.layout)
            changes.append(images[:, :, : layout.height, : layout.width])
    return joined(changes) / 255


def _images(changes: Tensor, layout: Layout) -> Tensor:
    """Changes in gray levels, (N, 3, h, w), that changes of the coefficients make.

    ``changes``: (N, components, frequencies, rows, columns).
    """
    most = layout.max_factors
    planes = [
        _plane(changes[:, c], _reduction(most[0], h), _reduction(most[1], v))
        for c, (h, v) in enumerate(layout.factors)
    ]
    components = torch.stack(planes, dim=1)
    whole = Layout(
        components.shape[3], components.shape[2], layout.color_space, ((1, 1),) * len(planes)
    )
    return change_in_pixels(components, whole).expand(-1, 3, -1, -1)


def _plane(changes: Tensor, across: int, down: int) -> Tensor:
    """One component at full size (N, h, w), of changes (N, frequencies, rows, columns).

    ``across``, ``down``: its reduction. Each of its blocks takes the first place of those it spans.
    """
    basis = _basis(across, down).to(changes)
    blocks = torch.einsum("nfij,fyx->niyjx", changes[:, :, ::down, ::across], basis)
    return blocks.flatten(3, 4).flatten(1, 2)


@cache
def _basis(across: int, down: int) -> Tensor:
    """The cosines of the frequencies over a block of a reduced component, (frequencies, y, x)."""
    waves = [torch.outer(_wave(v, _CELL * down), _wave(u, _CELL * across)) for v, u in _FREQUENCIES]
    return torch.stack(waves)


def _wave(frequency: int, length: int) -> Tensor:
    """A row of the orthonormal DCT of 8 samples, drawn at ``length`` places."""
    scale = sqrt((2 if frequency else 1) / 8)
    angle = pi * frequency / length
    return torch.tensor([scale * cos((x + 0.5) * angle) for x in range(length)])


def _reduction(most: int, factor: int) -> int:
    """By how much a component is reduced."""
    if most % factor:
        return min(1 << round(log2(most / factor)), _LARGEST)
    return most // factor
