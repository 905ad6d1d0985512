"""What a file's cells alone allow: certified ends of weighted sums of samples, in closed form.

A sum w . x over the samples x of a block is r . s over libjpeg's integers s, but for the roundings
of the two passes of its DCT, with r = w times the inverse of the DCT without rounding. Each integer
lies in its cell, each rounding is at most a half: the ends follow, and hold for every picture that
libjpeg (islow) could have made the file from. No constant is guessed.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from jpegx.exploration.functionals import Functional
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import COLUMN_SHIFT, ROW_SHIFT, islow_pass

# Sums of up to some million products, in 53 bits.
_TOLERANCE = 1e-9


class Range(NamedTuple):
    """The least and the largest value; certified ends err to the outside."""

    least: float
    most: float


def integer_cells(jpeg: QuantizedJpeg, component: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest of libjpeg's integers (8 times a coefficient) of each cell.

    int64 (block rows, block columns, 8, 8) each. A half rounds away from zero, as libjpeg does it:
    :meth:`jpegx.consistency.cell.Cell.integers` tells the same to torch.
    """
    quantized = jpeg.coefficients[component].astype(np.int64)
    steps = jpeg.tables[component].astype(np.int64)
    center, half = 8 * quantized * steps, 4 * steps
    return center - half + (quantized <= 0), center + half - (quantized >= 0)


def cell_range(jpeg: QuantizedJpeg, functional: Functional) -> Range:
    """The certified range of a functional, from the cells of a file's part in its units.

    The gamut is left out of account. Raises nothing: without weights the range is 0 to 0.
    """
    blocks = _blocks(functional.weights)
    used = np.abs(blocks).sum(axis=(2, 3)) > 0
    weights = blocks[used]
    columns, rows = _inverse_passes()
    spectrum = columns @ weights @ rows
    low, high = (ends[used] for ends in integer_cells(jpeg, functional.component))
    middle = float((spectrum * (low + high) / 2).sum()) + 128 * float(weights.sum())
    half = float((np.abs(spectrum) * (high - low) / 2).sum()) + float(rounding(spectrum).sum())
    half += _TOLERANCE * (abs(middle) + half + 1)
    return Range(middle - half, middle + half)


def rounding(spectrum: np.ndarray) -> np.ndarray:
    """The largest effect (...) of the DCT's roundings on sums (..., 8, 8) of libjpeg's integers.

    The first pass does not round its outputs 0 and 4, which are sums; nor does the second where
    both frequencies are 0 or 4.
    """
    rounded = np.arange(8) % 4 != 0
    first = np.abs((islow_pass().T / (1 << COLUMN_SHIFT)) @ spectrum)[..., rounded]
    second = np.abs(spectrum) * (rounded[:, None] | rounded)
    largest: np.ndarray = (first.sum(axis=(-1, -2)) + second.sum(axis=(-1, -2))) / 2
    return largest


def _blocks(samples: np.ndarray) -> np.ndarray:
    """(8 block rows, 8 block columns) as (block rows, block columns, 8, 8)."""
    rows, columns = (length // 8 for length in samples.shape)
    return samples.reshape(rows, 8, columns, 8).swapaxes(1, 2)


@cache
def _inverse_passes() -> tuple[np.ndarray, np.ndarray]:
    """Matrices (8, 8): columns @ weights @ rows are the weights of libjpeg's integers."""
    one = islow_pass().astype(np.float64)
    inverse = np.linalg.inv(one)
    return inverse.T * (1 << COLUMN_SHIFT), inverse * (1 << ROW_SHIFT)
