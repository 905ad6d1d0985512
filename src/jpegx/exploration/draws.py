"""What a sampler finds likely in a region: its draws there, each made exact."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.selection import Touched
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.network import NetworkSampler
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec, default_model

# What networks see around the region, in pixels: it tells them the texture.
_AROUND = 64
CALIBRATION = (
    "shares of draws are the sampler's opinion, not probabilities of the truth; "
    "jpegx eval measures its calibration"
)


@dataclass(frozen=True)
class DrawRequest:
    """How many draws of what: ``spec`` as of ``jpegx decode --model``, None for the default."""

    draws: int
    spec: SamplerSpec | None
    seed: int

    def open(self) -> Sampler:
        """The sampler. Raises JpegxError: no such model, or one that has no draws."""
        spec = self.spec or SamplerSpec(default_model())
        if spec.model == "standard":
            raise no_draws(spec.model, "an ordinary decoder")
        sampler = open_sampler(spec)
        if is_regression(sampler):
            raise no_draws(spec.label, "a regression")
        return sampler


def no_draws(label: str, kind: str) -> JpegxError:
    """What is said of a model whose samples are all the same."""
    return JpegxError(f"{label}: {kind} has no draws; name another model")


def is_regression(sampler: Sampler) -> bool:
    """Whether it is a network without noise, whose samples are all the same."""
    return isinstance(sampler, NetworkSampler) and not sampler.generator.stochastic


def draw(
    jpeg: QuantizedJpeg, finisher: Finisher, sampler: Sampler, draws: int, seed: int
) -> Iterator[Patch]:
    """Exact draws of the units of a finisher; the same seed gives the same.

    What is farther from the units than some 64 pixels is not looked at. Draw i depends on the
    seed, the region and i alone.
    """
    for image in sampled(jpeg, finisher.touched, sampler, draws, seed):
        yield finisher.finish(image)


def sampled(
    jpeg: QuantizedJpeg, units: Touched, sampler: Sampler, draws: int, seed: int
) -> Iterator[Tensor]:
    """Draws of the box of some units that are not exact yet, float32 (C, H, W) in gray levels."""
    around = grown(units, _AROUND)
    inner = units.box.inside(around.box)
    for image in sampler.sample(around.jpeg(jpeg), draws, seed):
        yield inner.of(image)


def grown(units: Touched, pixels: int) -> Touched:
    """The rectangle of units with all of those that are so near to it."""
    width, height = units.layout.mcu_size
    rows, columns = units.layout.mcu_grid
    down, across = ceil(pixels / height), ceil(pixels / width)
    rows_ = range(max(0, units.rows.start - down), min(rows, units.rows.stop + down))
    columns_ = range(
        max(0, units.columns.start - across), min(columns, units.columns.stop + across)
    )
    mask = np.ones((len(rows_), len(columns_)), bool)
    return Touched(units.layout, rows_, columns_, mask)


def laws(values: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation and quantiles of values of draws."""
    if not len(values):
        return {}
    found = {"mean": float(values.mean())}
    if len(values) > 1:
        found["std"] = float(values.std(ddof=1))
        for share in (0.05, 0.5, 0.95):
            found[f"quantile {share:g}"] = float(np.quantile(values, share))
    return found
