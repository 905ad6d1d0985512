"""Samples around a regression: what a sampler's noise changes, added to X̄(Y)."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.models.center import BadCenter, Drift
from jpegx.models.checkpoint import load
from jpegx.models.conditioning import UNIT, Conditions
from jpegx.models.generator import Generator
from jpegx.models.header import BadCheckpoint
from jpegx.models.projection import project
from jpegx.models.zoo import find
from jpegx.sampling.generate import Progress, generate
from jpegx.sampling.tiling import Box
from jpegx.sampling.window import window

_EXTRA = 2  # pictures that are rendered before the samples
_STRIP_PIXELS = 1 << 19


def generate_around(
    center: Generator,
    drift: Drift,
    generator: Generator,
    jpeg: QuantizedJpeg,
    *,
    samples: int,
    seed: int,
    temperature: float,
    memory: int,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """X̄(Y) + G(Y, z) - m(Y): float32 (C, H, W) on the CPU, gray levels, not clipped. Ours.

    ``center``: X̄, a regression. ``generator``: G, a sampler. ``drift``: what estimates m, the mean
    of its samples: with T the ``temperature``, p and r the drift, and Y' the decoded image,
    m = G(Y, 0) + T (p (X̄ - G(Y, 0)) + r (Y' - G(Y, 0))). The samples differ as those of G do;
    their mean is as near to X̄(Y), the first moment of Man et al. 2022 (Eq. 5), as the estimate is
    to theirs. At a temperature of 0 all are X̄(Y). Where G ends with a projection, so do they. The
    rest, and what it raises, is as of :func:`jpegx.sampling.generate.generate`. Each network has
    tiles of its own: what a regression needs around them would slow down the sampler.
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

    change, silent = without_noise(center, 0), without_noise(generator, 1)
    change.sub_(silent).mul_(1 - temperature * drift.to_center)
    for strip, conditions in _strips(jpeg):
        decoded = conditions.decoded[0, : len(change)] * 255
        towards = decoded - strip.of(silent)
        strip.of(change).sub_(towards, alpha=temperature * drift.to_decoded)
    del silent  # of a large picture 400 megabytes
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
        image += change
        if generator.projects:
            _project(image, jpeg)
        yield image


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


def _strips(jpeg: QuantizedJpeg) -> Iterator[tuple[Box, Conditions]]:
    """The picture in strips of whole units, which decode and project by themselves."""
    width, height = jpeg.layout.width, jpeg.layout.height
    rows = max(1, _STRIP_PIXELS // (UNIT * width)) * UNIT
    for top in range(0, height, rows):
        strip = Box(top, 0, min(top + rows, height), width)
        yield strip, window(jpeg, strip, torch.device("cpu"))


def _project(image: Tensor, jpeg: QuantizedJpeg) -> None:
    """Take the coefficients of an image (C, H, W) in gray levels into their cells, in place."""
    for strip, conditions in _strips(jpeg):
        part = strip.of(image)
        inside = project(part.expand(3, -1, -1)[None] / 255, conditions, 1)
        part.copy_(inside[0, : len(part)] * 255)
