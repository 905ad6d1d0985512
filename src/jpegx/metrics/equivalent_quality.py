"""The JPEG quality that a result is worth, and the bytes that it saves (Ehrlich et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log


@dataclass(frozen=True)
class JpegPoint:
    """One quality of a picture as plain JPEG: bytes, and a score (high is good) of what it shows.

    The score is the SSIM in Ehrlich et al. 2020; PSNR works alike.
    """

    quality: float
    size: float
    score: float


@dataclass(frozen=True)
class Equivalent:
    """A decoder's result as a plain JPEG file that scores the same.

    ``quality``: of that file. ``saved``: how many more bytes it has than the file that was decoded,
    negative if the decoder scores below its own file.
    """

    quality: float
    saved: float


def equivalent(curve: Sequence[JpegPoint], quality: float, score: float) -> Equivalent | None:
    """What the result of a decoder on the file of one quality is worth; None if off the curve.

    ``curve``: the plain JPEGs of the same picture or set, one of them at ``quality``. ``score``: of
    the decoded result. Where Ehrlich et al. 2020 (B.3) takes the first whole quality that reaches
    the score, quality and the logarithm of the size are interpolated here between the two points
    around it: with every quality on the curve the two differ by less than 1. Raises ValueError if
    there is no point at ``quality``.
    """
    points = sorted(curve, key=lambda point: point.quality)
    start = next((point for point in points if point.quality == quality), None)
    if start is None:
        raise ValueError(f"the curve has no point at quality {quality}")
    if score == start.score:
        return Equivalent(start.quality, 0.0)
    for low, high in pairwise(points):
        if low.score <= score <= high.score and low.score < high.score:
            part = (score - low.score) / (high.score - low.score)
            same = low.quality + part * (high.quality - low.quality)
            size = exp(log(low.size) + part * (log(high.size) - log(low.size)))
            return Equivalent(same, size - start.size)
    return None
