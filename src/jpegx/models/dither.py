"""Dither: random places in the cells of the lowest frequencies, as an image.

Ours. It is uniform dequantization noise, as an input of the generator. The steps of a file's tables
say how uncertain its coefficients are: a mean of a block may lie anywhere within half a step of
what the file holds. Noise inside a network must learn these amplitudes, and does so for detail
alone, so that samples hardly differ in what is larger than a block; with dither it is given them.
The network makes of its jumps at the borders of blocks what it makes of those in the decoded image.
"""

from functools import cache
from math import cos, pi, sqrt

import torch
from torch import Tensor

from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.layout import Layout
from jpegx.models.conditioning import UNIT, Conditions, sampling_of
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import Noise

# The mean of a block and its slopes: (vertical, horizontal) frequencies.
_FREQUENCIES = ((0, 0), (0, 1), (1, 0))
DITHER_LAYERS = 3 * len(_FREQUENCIES)  # of the noise: one for each component and frequency
_CELL = 8  # pixels between places of the noise, whatever the sampling
_LARGEST = UNIT // _CELL  # reduction of a component each way


def dither(conditions: Conditions, noise: Noise, samples: int) -> Tensor:
    """What random places in the cells change in the decoded images: (N * samples, 3, H, W).

    In gray levels / 255, float32. With standard Gaussian noise, the mean and the two slopes of each
    block of each component are uniform in their cells; with weaker noise closer to the middle.
    Blocks of components that are down-sampled span as much more (a ratio other than 1, 2, 4 is
    taken for one of these).
    """
    height, width = conditions.decoded.shape[2:]
    rows, columns = (_LARGEST * -(-size // UNIT) for size in (height, width))
    like = conditions.decoded.new_empty(len(conditions) * samples, 1, rows, columns)
    gaussian = torch.cat([noise(layer, like, _CELL) for layer in range(DITHER_LAYERS)], dim=1)
    places = torch.erf(gaussian * 0.5**0.5).div(2).unflatten(1, (3, -1))
    steps = conditions.tables[:, :, [v * 8 + u for v, u in _FREQUENCIES]]
    places = places * repeat_samples(steps, samples)[..., None, None]
    features = repeat_samples(conditions.sampling, samples)
    kinds, kind_of = features.unique(dim=0, return_inverse=True)
    change = like.new_empty(len(like), 3, height, width)
    for kind, sampling in enumerate(kinds.tolist()):
        chosen = kind_of == kind
        with torch.autocast(like.device.type, enabled=False):
            change[chosen] = _images(places[chosen], sampling)[:, :, :height, :width]
    return change / 255


def _images(changes: Tensor, sampling: list[float]) -> Tensor:
    """Changes in gray levels, (N, 3, h, w), that changes of the coefficients make.

    ``changes``: (N, 3, frequencies, rows, columns), of files with one row of sampling features.
    """
    space, ratios = sampling_of(sampling)
    planes = [
        _plane(changes[:, c], _reduction(across), _reduction(down))
        for c, (across, down) in enumerate(ratios)
    ]
    components = torch.stack(planes, dim=1)
    whole = Layout(components.shape[3], components.shape[2], space, ((1, 1),) * len(ratios))
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


def _reduction(ratio: float) -> int:
    """1, 2 or 4, of the logarithm of a sampling ratio."""
    return min(1 << round(ratio), _LARGEST)
