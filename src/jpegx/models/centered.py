"""Samples around a regression: what a sampler's noise changes, added to X̄(Y)."""

from pathlib import Path

from torch import Tensor

from jpegx.models.center import BadCenter, Drift
from jpegx.models.checkpoint import load
from jpegx.models.conditioning import Conditions
from jpegx.models.generator import Encoded, Generator
from jpegx.models.header import BadCheckpoint
from jpegx.models.noise import Noise, ZeroNoise
from jpegx.models.zoo import find

_PICTURES = 24  # bytes per pixel: two float32 images beside what is rendered


class Centered(Generator):
    """X̄(Y) + G(Y, z) - m(Y), with m(Y) an estimate of the mean of the samples G(Y, z). Ours.

    ``sampler``: G. ``center``: X̄, a regression. ``drift``: how far the mean goes from the sampler's
    own picture without noise, G(Y, 0): with T the ``temperature`` of the noise, p and r the drift,
    and Y' the decoded image, m = G(Y, 0) + T (p (X̄ - G(Y, 0)) + r (Y' - G(Y, 0))). The samples
    differ as those of G do; their mean is as near to X̄(Y), the first moment of Man et al. 2022
    (Eq. 5), as the estimate is to theirs. At a temperature of 0 all are X̄(Y). Where G ends with a
    projection, so do they. It has no weights of its own, and is of no family.
    """

    def __init__(
        self, sampler: Generator, center: Generator, drift: Drift, temperature: float
    ) -> None:
        super().__init__()
        self.sampler = sampler
        self.center = center
        self.drift = drift
        self.temperature = temperature
        self.config = sampler.config
        self.multiple = max(sampler.multiple, center.multiple)
        self.halo = max(sampler.halo, center.halo)
        self.blend = max(sampler.blend, center.blend)
        self.stochastic = sampler.stochastic
        self.projects = sampler.projects

    def encode(self, conditions: Conditions) -> Encoded:
        """What the sampler keeps, and first X̄(Y) - m(Y), float32 (N, 3, H, W)."""
        wanted, silent, own = pictures(self.sampler, self.center, conditions)
        towards = self.drift.to_center * (wanted - silent)
        towards += self.drift.to_decoded * (conditions.decoded - silent)
        change = wanted.sub_(silent).sub_(towards, alpha=self.temperature)
        return Encoded(conditions, (change, *own.features))

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        change, *features = encoded.features
        own = Encoded(encoded.conditions, tuple(features))
        images = self.sampler.render(own, noise, samples)
        by_file: Tensor = images.unflatten(0, (-1, samples))
        return by_file.add_(change[:, None]).flatten(0, 1)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        parts = (self.sampler.bytes_per_pixel(itemsize), self.center.bytes_per_pixel(itemsize))
        return max(parts) + _PICTURES


def pictures(
    sampler: Generator, center: Generator, conditions: Conditions
) -> tuple[Tensor, Tensor, Encoded]:
    """X̄(Y) and G(Y, 0), float32 (N, 3, H, W) in gray levels / 255, and what the sampler keeps."""
    silence = ZeroNoise()
    wanted = center(conditions, silence)
    own = sampler.encode(conditions)
    return wanted, sampler.render(own, silence), own


def load_center(name: str) -> tuple[Path, Generator]:
    """The file and the generator of a regression: installed weights, or a safetensors file.

    Raises BadCenter if it cannot be read, or is a sampler.
    """
    try:
        file = find(name)
        generator, _ = load(file)
    except BadCheckpoint as error:
        raise BadCenter(str(error)) from None
    if generator.stochastic:
        raise BadCenter(f"{file}: is a sampler; samples lie around a regression")
    return file, generator
