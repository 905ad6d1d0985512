"""How flat and how lively a file allows a region to be: certified ends of standard deviations.

By Parseval the energy of a block is that of its coefficients, which lie in their cells, up to what
libjpeg's integer DCT is off the real one: at most its roundings, and its constants times 128. So
the least and the largest energy without the mean are sums over the coefficients; of the means of
blocks, the distances to one common level, whatever it is, bound the rest.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from jpegx.exploration.cell_bounds import Range, integer_cells, rounding
from jpegx.exploration.functionals import by_block, mean
from jpegx.exploration.selection import Selection, Touched
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import COLUMN_SHIFT, ROW_SHIFT, dct_pass, integer_samples, islow_pass

_TOLERANCE = 1e-9
MOST = 127.5  # of samples from 0 to 255
_HALVINGS = 80


class Spread(NamedTuple):
    """Certified ends of the standard deviation of a component over a region.

    ``total``: of all of its samples. ``within``: of those of its whole blocks about the means of
    their blocks (root mean square); None if it has no whole block.
    """

    total: Range
    within: Range | None


def spread(
    jpeg: QuantizedJpeg, component: int, region: Selection, units: Touched, slack: float = 0.0
) -> Spread:
    """The ends for a file's part in some units; a sample counts if the region touches it.

    ``slack``: steps by which cells are widened.
    """
    inside = by_block(mean("", component, region, units).weights > 0)
    counts = inside.sum(axis=(2, 3))
    low, high = (ends / 8 for ends in integer_cells(jpeg, component, slack))
    errors = _errors()
    low, high = low - errors, high + errors
    near = np.maximum(np.maximum(low, -high), 0) ** 2
    far = np.maximum(np.abs(low), np.abs(high)) ** 2
    near[..., 0, 0] = far[..., 0, 0] = 0
    whole, touched = counts == 64, counts > 0
    number = int(counts.sum())
    least = near[whole].sum() + _least_about(low[whole][:, 0, 0] / 8, high[whole][:, 0, 0] / 8)
    most = far[touched].sum() + _most_about(low[touched][:, 0, 0] / 8, high[touched][:, 0, 0] / 8)
    total = _deviations(float(least), float(most), number)
    if not whole.any():
        return Spread(total, None)
    held = 64 * int(whole.sum())
    within = _deviations(float(near[whole].sum()), float(far[whole].sum()), held)
    return Spread(total, within)


def measured(
    pixels: np.ndarray, jpeg: QuantizedJpeg, component: int, region: Selection, units: Touched
) -> tuple[float, float]:
    """What pixels of the units' box have: the deviation of all samples, and within whole blocks."""
    samples = by_block(integer_samples(pixels, jpeg.layout)[component].astype(np.float64))
    inside = by_block(mean("", component, region, units).weights > 0)
    whole = samples[inside.all(axis=(2, 3))]
    within = whole - whole.mean(axis=(1, 2), keepdims=True)
    rms = float(np.sqrt(np.square(within).mean())) if len(whole) else 0.0
    return float(samples[inside].std()), rms


def _deviations(least: float, most: float, number: int) -> Range:
    """Deviations of so many samples with an energy between two ends."""
    low = np.sqrt(max(0.0, least * (1 - _TOLERANCE)) / number)
    high = np.sqrt(most * (1 + _TOLERANCE) / number)
    return Range(float(low), float(min(high, MOST)))


def _least_about(low: np.ndarray, high: np.ndarray) -> float:
    """No more than 64 times the least sum of squares of levels in boxes about a common one."""
    if not len(low):
        return 0.0

    def gap(level: float) -> np.ndarray:
        return np.asarray(np.maximum(low - level, 0) - np.maximum(level - high, 0))

    start, end = float(low.min()), float(high.max())
    for _ in range(_HALVINGS):
        middle = (start + end) / 2
        start, end = (middle, end) if gap(middle).sum() > 0 else (start, middle)
    found = gap(start)
    # Convex: no level, 512 away at most, has less than the tangent says.
    return 64 * max(0.0, float(np.square(found).sum()) - 2 * 512 * abs(float(found.sum())))


def _most_about(low: np.ndarray, high: np.ndarray) -> float:
    """No less than 64 times the largest sum of squares of levels in boxes about their mean."""
    start, end = float(low.min()), float(high.max())

    def cost(level: float) -> float:
        return float((np.maximum(level - low, high - level) ** 2).sum())

    for _ in range(_HALVINGS):  # about any level is enough; the best is wanted
        third = (end - start) / 3
        if cost(start + third) < cost(end - third):
            end -= third
        else:
            start += third
    return 64 * cost(start)


@cache
def _errors() -> np.ndarray:
    """How far libjpeg's integers, divided by 8, are from the real DCT, at most (8, 8).

    The roundings, and the differences of its constants from the real ones, times 128 for each
    sample.
    """
    one = islow_pass().astype(np.float64)
    transform = np.kron(one / (1 << COLUMN_SHIFT), one / (1 << ROW_SHIFT)) / 8
    real = dct_pass()
    constants = np.abs(transform - np.kron(real, real)).sum(axis=1) * 128
    errors: np.ndarray = rounding(np.eye(64).reshape(64, 8, 8)) / 8 + constants
    return errors.reshape(8, 8)
