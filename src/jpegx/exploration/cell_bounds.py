"""What a file's cells alone allow: certified ends of weighted sums of samples, in closed form.

A sum w . x over the samples x of a block is r . s over libjpeg's integers s, but for the roundings
of the two passes of its DCT, with r = w times the inverse of the DCT without rounding. Each integer
lies in its cell, each rounding is at most a half: the ends follow, and hold for every picture that
libjpeg (islow) could have made the file from. No constant is guessed.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from jpegx.exploration.functionals import Functional, by_block
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import COLUMN_SHIFT, ROW_SHIFT, islow_pass

# Sums of up to some million products, in 53 bits.
_TOLERANCE = 1e-9
# Weights that are left of an inverse only by its rounding, as shares of the largest.
_ZERO = 1e-12


class Range(NamedTuple):
    """The least and the largest value; certified ends err to the outside."""

    least: float
    most: float


def integer_cells(
    jpeg: QuantizedJpeg, component: int, slack: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest of libjpeg's integers (8 times a coefficient) of each cell.

    int64 (block rows, block columns, 8, 8) each. A half rounds away from zero, as libjpeg does it,
    and cells are widened by ``slack`` steps: :meth:`jpegx.consistency.cell.Cell.integers` tells the
    same to torch.
    """
    quantized = jpeg.coefficients[component].astype(np.int64)
    steps = jpeg.tables[component].astype(np.int64)
    center, half = 8 * quantized * steps, 4 * steps
    more = np.floor(8 * slack * steps).astype(np.int64)
    return center - half + (quantized <= 0) - more, center + half - (quantized >= 0) + more


class Blocks(NamedTuple):
    """Blocks of one component that a functional gives weight: all (blocks, 8, 8).

    ``weights``: of the samples. ``low``, ``high``: libjpeg's integers, of their cells.
    """

    weights: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def select(self, which: np.ndarray) -> "Blocks":
        """Some of them, by mask or index."""
        return Blocks(*(values[which] for values in self))


def used_blocks(
    jpeg: QuantizedJpeg, functional: Functional, slack: float = 0.0
) -> tuple[np.ndarray, Blocks]:
    """Which blocks of a file's part have weight, bool (block rows, block columns), and these.

    ``slack``: steps by which their cells are widened.
    """
    weights = by_block(functional.weights)
    used = np.asarray(np.abs(weights).sum(axis=(2, 3)) > 0)
    low, high = integer_cells(jpeg, functional.component, slack)
    return used, Blocks(weights[used], low[used], high[used])


def cell_range(blocks: Blocks) -> Range:
    """The certified range of a sum over blocks, from their cells; the gamut is left out."""
    spectrum = spectra(blocks.weights)
    return Range(
        -float(certified_most(blocks._replace(weights=-blocks.weights), -spectrum).sum()),
        float(certified_most(blocks, spectrum).sum()),
    )


def spectra(weights: np.ndarray) -> np.ndarray:
    """Weights (..., 8, 8) of libjpeg's integers that make the same sum as those of samples."""
    columns, rows = _inverse_passes()
    made: np.ndarray = columns @ weights @ rows
    return made


def samples_of(spectrum: np.ndarray) -> np.ndarray:
    """The weights (..., 8, 8) of samples that multipliers of libjpeg's integers come to."""
    made: np.ndarray = (
        (islow_pass().T / (1 << COLUMN_SHIFT)) @ spectrum @ (islow_pass() / (1 << ROW_SHIFT))
    )
    return made


def certified_most(blocks: Blocks, spectrum: np.ndarray) -> np.ndarray:
    """What the sum over the samples of each block (B) cannot exceed, whatever the ``spectrum``.

    ``spectrum`` (B, 8, 8): multipliers of libjpeg's integers. Any are a proof: of the weights,
    those that they do not make up for meet samples from 0 to 255, all others the cells.
    """
    made = samples_of(spectrum)
    rest = blocks.weights - made
    rest[np.abs(rest) < _ZERO * np.abs(blocks.weights).max(initial=0)] = 0
    cells = np.maximum(spectrum * blocks.low, spectrum * blocks.high).sum(axis=(1, 2))
    gamut = np.maximum(255 * rest, 0).sum(axis=(1, 2))
    most: np.ndarray = cells + rounding(spectrum) + 128 * made.sum(axis=(1, 2)) + gamut
    size = (np.abs(spectrum) * (np.abs(blocks.low) + np.abs(blocks.high))).sum(axis=(1, 2)) + gamut
    most += _TOLERANCE * size + _ZERO * 255 * 64 * np.abs(blocks.weights).max(initial=0)
    return most


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


@cache
def _inverse_passes() -> tuple[np.ndarray, np.ndarray]:
    """Matrices (8, 8): columns @ weights @ rows are the weights of libjpeg's integers."""
    one = islow_pass().astype(np.float64)
    inverse = np.linalg.inv(one)
    return inverse.T * (1 << COLUMN_SHIFT), inverse * (1 << ROW_SHIFT)
