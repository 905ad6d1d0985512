"""The rows of the tables: means over the pictures of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean, geometric_mean
from typing import Any

from jpegx.metrics.calibration import Calibration, CalibrationResult
from jpegx.models.card import Interpolation

ORIGINALS = "originals"
REFERENCE = "reference"
PUBLISHED = " (published)"  # what is added to the name of a method whose row a paper printed

# Figures of single pictures, of which a row has the mean.
_MEANS = (
    "bytes",
    "psnr",
    "psnr_mean",
    "psnr_y",
    "ssim",
    "ssim_uniform",
    "psnr_b",
    "consistency",
    "outside",
    "std",
    "niqe",
    "lpips",
    "dists",
    "equivalent",
    "saved",
)
# What is beyond a measure's range is extreme: a mean without it would flatter.
_OF_ALL = ("equivalent", "saved")


@dataclass(frozen=True)
class Row:
    """One decoder on one data set at one quality (None: not known, or the originals themselves).

    ``pictures``: how many were measured. ``samples``: most that one of them has. ``figures``: by
    the keys of ``columns.COLUMNS`` and some more; what does not apply is not there. ``nonzero``:
    share of coefficients that are not zero, by frequency. ``crops``: keys of the crops in the
    report by title. ``published``: whether a paper printed it, and nothing was measured.
    ``interpolation``: of which weights those of the decoder are a blend.
    """

    data_set: str
    quality: int | None
    decoder: str
    pictures: int
    samples: int
    figures: dict[str, float]
    nonzero: list[float]
    calibration: CalibrationResult | None
    crops: dict[str, str]
    published: bool = False
    interpolation: Interpolation | None = None


def make_row(
    data_set: str,
    quality: int | None,
    decoder: str,
    units: Sequence[dict[str, Any]],
    distances: dict[str, Any],
    crops: dict[str, str],
) -> Row:
    """The row of the figures of each picture (``figures.measure_picture``) and those of the set.

    A figure is the mean over the pictures that have it, of relative amplitudes the geometric mean;
    each picture counts the same.
    """
    figures: dict[str, float] = {}
    for key in _MEANS:
        values = [unit[key] for unit in units if not isnan(unit.get(key, float("nan")))]
        if values and (key not in _OF_ALL or len(values) == len(units)):
            figures[key] = fmean(values)
    amplitudes = [unit["amplitudes"] for unit in units if "amplitudes" in unit]
    for band in dict.fromkeys(band for found in amplitudes for band in found):
        figures[_key(band)] = geometric_mean([f[band] for f in amplitudes if band in f])
    samples = max((unit.get("samples", 0) for unit in units), default=0)
    calibration = None
    if samples:
        calibration = _calibration(units, samples)
        figures["crps"] = calibration.pixels.crps
        figures |= {_key(f"crps {name}"): band.crps for name, band in calibration.means.items()}
        if samples > 1:
            figures["spread_skill"] = calibration.pixels.spread_skill
            for name, band in calibration.means.items():
                figures[_key(f"spread_skill {name}")] = band.spread_skill
    nonzero = [fmean(column) for column in zip(*(unit["nonzero"] for unit in units), strict=True)]
    figures |= set_figures(distances)
    return Row(
        data_set, quality, decoder, len(units), samples, figures, nonzero, calibration, crops
    )


def set_figures(distances: dict[str, Any]) -> dict[str, float]:
    """The figures among the distances that ``Describer.compare`` gives."""
    return {key: value for key, value in distances.items() if isinstance(value, float)}


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _calibration(units: Sequence[dict[str, Any]], samples: int) -> CalibrationResult:
    """Of all pictures that have so many samples."""
    merged = Calibration(samples)
    for unit in units:
        if unit["samples"] == samples:
            merged.merge(Calibration.from_state(unit["calibration"]))
    return merged.result()
