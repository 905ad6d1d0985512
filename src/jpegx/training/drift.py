"""Where the noise takes the mean of a sampler's samples, measured on images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from jpegx.models.center import Drift
from jpegx.models.generator import Generator
from jpegx.models.noise import AntitheticNoise, RandomNoise, ZeroNoise
from jpegx.training.compress import compress
from jpegx.training.patches import Group
from jpegx.training.randomness import random_numbers


@dataclass(frozen=True)
class MeasuredDrift:
    """A drift, and the RMS distance in gray levels of the mean of the samples from X̄(Y).

    ``own``: of the sampler's samples as they are. ``around``: of those around X̄(Y) without a drift;
    ``left``: with it.
    """

    drift: Drift
    own: float
    around: float
    left: float


def measure_drift(
    sampler: Generator,
    center: Generator,
    batches: Iterable[Sequence[Group]],
    temperature: float,
    reached: Callable[[int], None],
) -> MeasuredDrift:
    """The drift of a sampler's mean, by least squares over all patches.

    With T the ``temperature``, it is what comes nearest to m(Y) - G(Y, 0) as T (p (X̄ - G(Y, 0)) +
    r (Y' - G(Y, 0))): see :mod:`jpegx.sampling.centered`. The mean m is estimated from two
    pairs of opposite noise, whose errors are not in the figures and do not bias the drift. The
    networks are as :func:`jpegx.sampling.precision.prepare` returns them. ``reached`` is told how
    many patches are done.
    """
    device = next(sampler.parameters()).device
    total = torch.zeros(4, 4, dtype=torch.float64)
    values = patches = 0
    for number, groups in enumerate(batches):
        files = compress(groups, device).conditions
        noise = AntitheticNoise(RandomNoise(random_numbers(device, number), temperature))
        with torch.no_grad():
            wanted = center(files, ZeroNoise())
            own = sampler.encode(files)
            silent = sampler.render(own, ZeroNoise())
            drawn = sampler.render(own, noise, 4).unflatten(0, (-1, 2, 2)).mean(dim=2)
            ways = [wanted - silent, files.decoded - silent]
            means = [drawn[:, pair] - silent for pair in (0, 1)]
        rows = torch.stack([255 * change.flatten() for change in ways + means]).double()
        total += (rows @ rows.T).cpu()
        values += rows.shape[1]
        patches += len(files)
        reached(patches)
    return _fitted(total / values, temperature)


def _fitted(products: Tensor, temperature: float) -> MeasuredDrift:
    """From mean products (4, 4) of the two ways and the two means, all from G(Y, 0)."""
    ways, both = products[:2, :2], products[:2, 2:].mean(dim=1)
    shares = torch.linalg.pinv(ways, hermitian=True) @ both
    # Of two independent estimates of the mean, so that their errors are not counted.
    around = products[2, 3]
    own = products[0, 0] - 2 * both[0] + around
    left = shares @ ways @ shares - 2 * shares @ both + around
    distances = (sqrt(max(0.0, float(square))) for square in (own, around, left))
    return MeasuredDrift(Drift(*(shares / temperature).tolist()), *distances)
