"""Quantization tables that are not the IJG's: what cameras, editors and odd encoders may write."""

import numpy as np

from jpegx.jpeg.tables import scaled_tables

_MOST = 65535  # of 16-bit tables


def draw_tables(random: np.random.Generator) -> np.ndarray:
    """Steps of luma and chroma, int32 (2, 8, 8), 1 to 65535.

    One of five kinds, alike often: the IJG's with each step scaled by itself; all steps alike;
    steps that rise with the frequency; each step by itself, from 1 to 255; the IJG's, coarser than
    its qualities go, as 16-bit tables have them.
    """
    kind = int(random.integers(5))
    luma = _table(kind, 0, random)
    # Many encoders have one table for all.
    chroma = luma if random.random() < 0.25 else _table(kind, 1, random)
    return np.stack([luma, chroma]).round().clip(1, _MOST).astype(np.int32)


def _table(kind: int, component: int, random: np.random.Generator) -> np.ndarray:
    if kind == 0:
        own = scaled_tables(int(random.integers(1, 96)))[component]
        return np.asarray(own * np.exp(random.normal(0, 0.4, (8, 8))))
    if kind == 1:
        return np.full((8, 8), _log_uniform(random, 1, 400))
    if kind == 2:
        frequency = np.add.outer(np.arange(8.0), np.arange(8.0))
        rise = random.uniform(0, 1.5) * frequency
        return np.asarray(_log_uniform(random, 1, 60) * (1 + rise) ** random.uniform(0.5, 1.5))
    if kind == 3:
        return np.asarray(np.exp(random.uniform(0, np.log(255), (8, 8))))
    base = np.stack(scaled_tables(50))[component]
    return np.asarray(base * _log_uniform(random, 4, 60))


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
