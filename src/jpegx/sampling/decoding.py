"""From a JPEG file to the pictures it could have come from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from jpegx.consistency.region_solver import Searching
from jpegx.io.formats import Form
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.finishing import Finisher, Picture
from jpegx.sampling.running_moments import Moments
from jpegx.sampling.sampler import Progress, Sampler


@dataclass(frozen=True)
class Decoded:
    """Pictures of one file, made as they are asked for; the mean comes last."""

    pictures: Iterator[Picture]
    moments: Moments | None

    def std_map(self) -> np.ndarray:
        """Per-pixel standard deviation of the samples so far, float32 (height, width), gray levels.

        The mean over the channels. Raises ValueError before two samples are made, or if neither
        mean nor standard deviation was asked for.
        """
        if self.moments is None:
            raise ValueError("the standard deviation was not asked for")
        std: np.ndarray = self.moments.std().mean(dim=0).numpy()
        return std


def decode(
    jpeg: QuantizedJpeg,
    sampler: Sampler,
    *,
    samples: int,
    seed: int,
    project: bool,
    mean: bool,
    std_map: bool,
    form: Form = "8-bit",
    progress: Progress | None = None,
    searching: Searching | None = None,
) -> Decoded:
    """Samples of a file.

    ``project``: make every picture exactly consistent. ``mean``: also the mean of the samples,
    projected like them. ``std_map``: keep what ``Decoded.std_map`` needs.
    ``form``: RGB or gray of 8 or 16 bits, 8-bit planes of the file's own colours and sampling
    ("ycbcr"), real numbers that are not clipped ("float"); all but the first always projected.
    ``progress``: as of :meth:`Sampler.sample`. ``searching``: told again and again how many units
    of a picture are searched for.
    The same seed gives the same pictures; sample i does not depend on how many there are.
    Raises UnsupportedJpeg for fractional sampling.
    """
    finisher = Finisher(jpeg, project, form, sampler.device, searching)
    moments = Moments() if mean or std_map else None
    drawn = sampler.sample(jpeg, samples, seed, progress)
    return Decoded(_pictures(drawn, finisher, moments, mean), moments)


def _pictures(
    drawn: Iterator[Tensor], finisher: Finisher, moments: Moments | None, mean: bool
) -> Iterator[Picture]:
    for index, image in enumerate(drawn):
        pixels, picture = finisher.finish(image, "sample", index)
        if moments is not None:
            moments.add(pixels)
        yield picture
    if mean and moments is not None:
        yield finisher.finish(moments.mean().clone(), "mean", 0)[1]
