"""Places: where in their cells the means of blocks lie, drawn from fields that are correlated.

Ours. The table of a file says how uncertain the mean of a block is: it may lie anywhere within half
a step of what the file holds. In flat areas neighbours err together: there a step is a difference
in shade of a whole sky, and independent places would be clouds and checks. So the places of each
component are drawn from one Gaussian field that holds octaves from 8 to 512 pixels, and how much of
each octave belongs where is an argument, which a network gives.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from jpegx.models.noise import Noise, NoiseField

SPACING = 8  # pixels between places, whatever the sampling
OCTAVES = tuple(SPACING << octave for octave in range(7))  # pixels between the nodes of each
# Patches of training are too small to tell the longest from each other: they share what they get.
BANDS = 5
_BAND_OF = (0, 1, 2, 3, 4, 4, 4)
_COMPONENTS = 3

PLACES = tuple(NoiseField(_COMPONENTS, spacing) for spacing in OCTAVES)


def draw_octaves(
    noise: Noise,
    fields: Sequence[NoiseField],
    like: Tensor,
    origin: tuple[int, int],
    samples: int,
) -> Tensor:
    """Gaussian fields of unit variance, float32 (N * samples, 3, octaves, rows, columns).

    ``fields``: ``PLACES``, as the generator has numbered them. ``like``: (N * samples, any, rows,
    columns), one position for 8x8 pixels. ``origin``: top and left of the first in the picture, in
    pixels. Between the nodes of an octave, which are independent, lies a quadratic B-spline,
    divided by its own deviation at each position, so that the variance is 1 everywhere, and the
    same in a part of the picture as in the whole.
    """
    rows, columns = like.shape[2:]
    drawn = []
    for field in fields:
        down, top = _spline(origin[0] // SPACING, rows, field.scale)
        across, left = _spline(origin[1] // SPACING, columns, field.scale)
        nodes = torch.empty(
            len(like), 1, down.shape[1], across.shape[1], device=like.device, dtype=torch.float32
        )
        values = noise.draw(field, nodes, (top, left), samples)
        drawn.append(down.to(like.device) @ values @ across.to(like.device).T)
    return torch.stack(drawn, dim=2)


def mix_octaves(octaves: Tensor, energies: Tensor) -> Tensor:
    """Places, (N, 3, rows, columns), uniform from -1/2 to 1/2, of octaves with these energies.

    ``octaves``: as :func:`draw_octaves` gives them. ``energies``: (N, 3, ``BANDS``, rows, columns)
    that add up to 1 over the bands, from the shortest; the last is shared by the longest three.
    The field of their weighted sum has unit variance; its distribution function makes it uniform
    (a Gaussian copula).
    """
    share = energies.new_tensor([1.0 / _BAND_OF.count(band) for band in range(BANDS)])
    weights = (energies * share[:, None, None]).sqrt()[:, :, list(_BAND_OF)]
    field = (weights * octaves).sum(dim=2)
    return torch.erf(field * 0.5**0.5).div(2)


@lru_cache(maxsize=64)
def _spline(first: int, count: int, spacing: int) -> tuple[Tensor, int]:
    """Weights (positions, nodes) of a quadratic B-spline of norm 1, and the first node.

    ``first``, ``count``: positions, in units of ``SPACING``; ``spacing``: of the nodes, in pixels.
    """
    if spacing == SPACING:
        return torch.eye(count), first
    positions = torch.arange(first, first + count, dtype=torch.float64) + 0.5
    positions = positions * SPACING / spacing - 0.5
    nearest = (positions + 0.5).floor().long()
    off = positions - nearest
    taps = torch.stack([(0.5 - off) ** 2 / 2, 0.75 - off**2, (0.5 + off) ** 2 / 2], dim=1)
    taps /= taps.norm(dim=1, keepdim=True)
    start = int(nearest[0]) - 1
    weights = torch.zeros(count, int(nearest[-1]) + 2 - start, dtype=torch.float64)
    weights.scatter_(1, nearest[:, None] - 1 - start + torch.arange(3), taps)
    return weights.float(), start
