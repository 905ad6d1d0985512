"""Samples around a regression: what a sampler's noise changes, added to X̄(Y)."""

from collections.abc import Iterator

from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.models.generator import Generator
from jpegx.sampling.generate import Progress, generate

_EXTRA = 2  # pictures that are rendered before the samples


def generate_around(
    center: Generator,
    generator: Generator,
    jpeg: QuantizedJpeg,
    *,
    samples: int,
    seed: int,
    temperature: float,
    memory: int,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """X̄(Y) + G(Y, z) - G(Y, 0): float32 (C, H, W) on the CPU, gray levels, not clipped. Ours.

    ``center``: X̄, a regression. ``generator``: G, a sampler. Their mean is as near to X̄(Y), the
    first moment of Man et al. 2022 (Eq. 5), as the mean of the sampler is to its own picture
    without noise, whatever it has learnt of X̄; they differ as its samples do. At a temperature of 0
    all are X̄(Y). The rest, and what it raises, is as of :func:`jpegx.sampling.generate.generate`.
    """

    def part(first: int, count: int) -> Progress | None:
        if progress is None:
            return None
        return lambda share: progress((first + share * count) / (_EXTRA + samples))

    def without_noise(network: Generator, number: int) -> Tensor:
        told = part(number, 1)
        drawn = generate(
            network, jpeg, samples=1, seed=0, temperature=0, memory=memory, progress=told
        )
        return next(drawn)

    change = without_noise(center, 0).sub_(without_noise(generator, 1))
    drawn = generate(
        generator,
        jpeg,
        samples=samples,
        seed=seed,
        temperature=temperature,
        memory=memory,
        progress=part(_EXTRA, samples),
    )
    for image in drawn:
        yield image.add_(change)
