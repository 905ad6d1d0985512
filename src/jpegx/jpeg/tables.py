"""Quantization tables of the Independent JPEG Group (IJG), and the quality that a table stands for.

The base tables are those of ITU-T T.81, annex K; the scaling is libjpeg's jpeg_quality_scaling.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.int32,
)
CHROMA = np.array(
    [
        [17, 18, 24, 47, 99, 99, 99, 99],
        [18, 21, 26, 66, 99, 99, 99, 99],
        [24, 26, 56, 99, 99, 99, 99, 99],
        [47, 66, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99],
    ],
    np.int32,
)

# Beyond a factor of 2 in the typical step, a table has nothing in common with the IJG's.
_FAR = 1.0


class QualityEstimate(NamedTuple):
    """An IJG quality (1 to 100), and whether the tables are exactly the IJG's at that quality."""

    quality: int
    exact: bool


def scaled_tables(quality: int, largest: int = 255) -> tuple[np.ndarray, np.ndarray]:
    """The IJG's luma and chroma tables, int32 (8, 8), at a quality from 1 to 100.

    Steps go from 1 to ``largest``: 255 in a baseline file, 32767 where 16-bit tables are allowed.
    Raises ValueError for another quality.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality {quality} outside 1 to 100")
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (np.clip((base * scale + 50) // 100, 1, largest) for base in (LUMA, CHROMA))
    return luma, chroma


def estimate_quality(tables: Sequence[np.ndarray]) -> QualityEstimate | None:
    """The IJG quality nearest to the tables (8, 8) of a file's components, luma first.

    Every table equal to the first is held against the IJG's luma table, the others against its
    chroma table. Nearest is the smallest mean absolute log2 ratio of the steps; None if even that
    is more than a factor of 2.
    """
    given = np.stack([np.asarray(table, np.int32) for table in tables])
    kinds = [0 if np.array_equal(table, given[0]) else 1 for table in given]
    candidates = _all_tables()[:, kinds]
    exact = np.flatnonzero((candidates == given).all(axis=(1, 2, 3)))
    if len(exact):
        return QualityEstimate(int(exact[-1]) % 100 + 1, True)
    distance = np.abs(np.log2(candidates / given)).mean(axis=(1, 2, 3))
    nearest = int(distance.argmin())
    return QualityEstimate(nearest % 100 + 1, False) if distance[nearest] <= _FAR else None


@cache
def _all_tables() -> np.ndarray:
    """(200, luma or chroma, 8, 8): qualities 1 to 100 with 16-bit steps, then with 8-bit steps."""
    pairs = [scaled_tables(q, largest) for largest in (32767, 255) for q in range(1, 101)]
    return np.stack([np.stack(pair) for pair in pairs])
