"""Calibration of samples: are they as different from each other as from the original?

A sampler of the true posterior cannot be told from it: among n samples and the original, the
original takes every rank equally often. Measured on pixels, on the luma DCT by frequency, and on
the means of squares of each component: errors that neighbours share show there and not in pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.color import to_components
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.libjpeg_model import scaled_coefficients
from jpegx.metrics.psnr import luma
from jpegx.metrics.tally import BandCalibration, Tally

PIXELS = "pixels"
# Bands of the 8x8 DCT: sums of horizontal and vertical frequency, from and below.
BANDS = {"dc": (0, 1), "low": (1, 4), "middle": (4, 8), "high": (8, 15)}
# Sides of the squares of which components are averaged, in pixels.
SQUARES = (8, 32, 128)
_MEANS = tuple(f"{component} {side}" for component in ("Y", "Cb", "Cr") for side in SQUARES)


@dataclass(frozen=True)
class CalibrationResult:
    """Figures of all pictures together: of pixels, of the luma DCT by band, and of means.

    ``samples``: n, of each picture. ``pixels``: all channels, gray levels. ``bands``: by name, in
    the order of :data:`BANDS`, DCT units. ``means``: by component and side of the square, "Y 8" to
    "Cr 128", gray levels; only those that some picture holds.
    """

    samples: int
    pixels: BandCalibration
    bands: dict[str, BandCalibration]
    means: dict[str, BandCalibration]


class Calibration:
    """Calibration of n samples a picture, over many pictures.

    Sums only are kept: :meth:`state` is small whatever the number of pictures, and goes through
    JSON. Pictures count by their pixels.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._tallies = {name: Tally(samples) for name in (PIXELS, *BANDS, *_MEANS)}

    def add(self, samples: Tensor, original: Tensor) -> None:
        """Takes in one picture.

        ``samples``: (n, C, H, W), ``original``: (C, H, W), 1 or 3 channels, whole numbers from 0 to
        255. The bands are those of blocks on the file's luma grid, which starts at the top left.
        Raises ValueError if the number of samples or the shape is another.
        """
        if samples.shape != (self._samples, *original.shape):
            raise ValueError(
                f"samples of {tuple(samples.shape)} for {self._samples} of {tuple(original.shape)}"
            )
        self._tallies[PIXELS].add(samples.flatten(1), original.flatten())
        drawn, true = _blocks(samples), _blocks(original[None])[0]
        sums = torch.arange(8)[:, None] + torch.arange(8)
        for name, (first, end) in BANDS.items():
            inside = (sums >= first) & (sums < end)
            self._tallies[name].add(drawn[..., inside].flatten(1), true[..., inside].flatten())
        for name, values in _means(torch.cat([samples, original[None]])).items():
            self._tallies[name].add(values[:-1], values[-1])

    def merge(self, other: "Calibration") -> None:
        """Takes in all pictures of another one; ValueError if its number of samples is another."""
        for name, tally in self._tallies.items():
            tally.merge(other._tallies[name])

    def state(self) -> dict[str, Any]:
        """All sums as plain numbers and lists."""
        tallies = {name: tally.state() for name, tally in self._tallies.items()}
        return {"samples": self._samples, "tallies": tallies}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Calibration":
        """What :meth:`state` was taken of."""
        calibration = cls(state["samples"])
        for name in calibration._tallies:
            calibration._tallies[name] = Tally.from_state(state["tallies"][name])
        return calibration

    def result(self) -> CalibrationResult:
        """The figures of all pictures so far. Raises ValueError if there is none."""
        bands = {name: self._tallies[name].result() for name in BANDS}
        means = {
            name: self._tallies[name].result() for name in _MEANS if self._tallies[name].values
        }
        return CalibrationResult(self._samples, self._tallies[PIXELS].result(), bands, means)


def _blocks(images: Tensor) -> Tensor:
    """Luma DCT coefficients (N, rows, columns, 8, 8), multiples of 1/8, of images (N, C, H, W).

    libjpeg's integer transform: blocks that are equal have equal coefficients, so that ties are
    seen as ties.
    """
    gray = torch.stack([luma(image) for image in images])
    layout = Layout(gray.shape[3], gray.shape[2], "gray", ((1, 1),))
    return scaled_coefficients(gray, layout)[0] / 8


def _means(images: Tensor) -> dict[str, Tensor]:
    """Means of the squares of each component of images (N, C, H, W), (N, squares) by name.

    Squares from the top left corner that do not overlap; what does not fill one is left out.
    """
    channels, height, width = images.shape[1:]
    space: ColorSpace = "gray" if channels == 1 else "ycbcr"
    layout = Layout(width, height, space, ((1, 1),) * channels)
    level, side, found = to_components(images.float(), layout), 1, {}
    for square in SQUARES:
        if min(height, width) < square:
            break
        level, side = F.avg_pool2d(level, square // side), square
        for index, component in enumerate(layout.names):
            found[f"{component} {square}"] = level[:, index].flatten(1)
    return found
