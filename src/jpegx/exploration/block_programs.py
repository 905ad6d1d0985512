"""What cells and the range of samples, 0 to 255, allow of a weighted sum: linear programs.

For each block one program (SciPy's HiGHS) finds multipliers of the cells, and nothing that it tells
is believed: :func:`certified_most` makes a proof of them, in closed form.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.cell_bounds import Blocks, certified_most, rounding, spectra
from jpegx.jpeg.libjpeg_arrays import COLUMN_SHIFT, ROW_SHIFT, islow_pass

NEEDS_SCIPY = (
    "bounds with the gamut need SciPy (pip install 'jpegx[explore]'); --quick does without"
)
MOST_PROGRAMS = 3000  # of one sum: some 10 ms each


class Extreme(NamedTuple):
    """The least upper bound found of a sum over blocks, and samples that come near to it.

    ``most``: certified, of each block (B). ``samples``: (B, 8, 8), real, from 0 to 255, in their
    cells but for roundings. ``left``: blocks that were not asked about, as there were too many.
    """

    most: np.ndarray
    samples: np.ndarray
    left: int


def largest(blocks: Blocks) -> Extreme:
    """How large a sum over blocks can be. Raises JpegxError if SciPy is missing."""
    spectrum = spectra(blocks.weights)
    wall = np.where(spectrum > 0, blocks.high, blocks.low)
    # What has no weight stays in the middle of its cell.
    tiny = np.abs(spectrum) <= 1e-9 * np.abs(spectrum).max(axis=(1, 2), keepdims=True)
    samples = integer_samples_of(np.where(tiny, (blocks.low + blocks.high) / 2, wall))
    most = certified_most(blocks, spectrum)
    outside = ((samples < 0) | (samples > 255)).any(axis=(1, 2))
    hard = np.flatnonzero(outside)
    gain = (np.abs(spectrum) * (blocks.high - blocks.low)).sum(axis=(1, 2))[hard]
    asked = hard[np.argsort(-gain, kind="stable")][:MOST_PROGRAMS]
    for number in asked:
        found = _solve(blocks.select(number))
        if found is None:  # no samples meet the cells: the file is not of libjpeg's making
            continue
        multipliers, samples[number] = found
        one = blocks.select(np.array([number]))
        most[number] = min(most[number], certified_most(one, multipliers[None])[0])
    return Extreme(most, samples.clip(0, 255), len(hard) - len(asked))


def _solve(block: Blocks) -> tuple[np.ndarray, np.ndarray] | None:
    """Multipliers (8, 8) and samples (8, 8) of one block; None if its cells cannot be met."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        raise JpegxError(NEEDS_SCIPY) from None
    transform, slack = _transform()
    scale = 1 / np.abs(block.weights).max()
    shift = transform @ np.full(64, 128.0)
    result = linprog(
        -scale * block.weights.reshape(-1),
        A_ub=np.concatenate((transform, -transform)),
        b_ub=np.concatenate(
            (block.high.reshape(-1) + slack + shift, slack - block.low.reshape(-1) - shift)
        ),
        bounds=(0, 255),
        method="highs",
    )
    if result.status != 0:
        return None
    above, below = result.ineqlin.marginals.reshape(2, 8, 8)
    return (below - above) / scale, result.x.reshape(8, 8)


@cache
def _transform() -> tuple[np.ndarray, np.ndarray]:
    """libjpeg's DCT of a block without roundings (64, 64), and the most that these do (64)."""
    one = islow_pass().astype(np.float64)
    transform = np.kron(one / (1 << COLUMN_SHIFT), one / (1 << ROW_SHIFT))
    return transform, rounding(np.eye(64).reshape(64, 8, 8))


def integer_samples_of(integers: np.ndarray) -> np.ndarray:
    """Samples (B, 8, 8) of libjpeg's integers, without roundings."""
    inverse = np.linalg.inv(islow_pass().astype(np.float64))
    made: np.ndarray = (inverse * (1 << COLUMN_SHIFT)) @ integers @ (inverse.T * (1 << ROW_SHIFT))
    return made + 128
