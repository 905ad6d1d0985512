"""What is typical of a weighted sum if the places of coefficients in their cells are independent.

Each coefficient follows the Laplace law that is fitted to its frequency in the file, cut to its
cell. Mean and variance are then closed forms. Neighbouring blocks' places go together in pictures,
so that this is too narrow for large regions: typical, never certain.
"""

from functools import cache

import numpy as np
import torch

from jpegx.exploration.functionals import Functional, by_block
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import dct_of_blocks
from jpegx.sampling.laplace import decays

_FLAT = 1e-3  # a decay over a cell below which its law is uniform


class LaplaceLaws:
    """The Laplace laws of a file: one for each component and frequency."""

    def __init__(self, jpeg: QuantizedJpeg) -> None:
        self._jpeg = jpeg

    @cache  # noqa: B019 (as long as the file is explored)
    def rates(self, component: int) -> np.ndarray:
        """Decays over one step, (8, 8); infinite where all coefficients are zero."""
        rows = torch.tensor(self._jpeg.coefficients[component]).view(-1, 64).T
        return np.array(decays(rows)).reshape(8, 8)

    def moments(self, part: QuantizedJpeg, functional: Functional) -> tuple[float, float]:
        """Mean and standard deviation of a functional over a part of the file."""
        weights = by_block(functional.weights)
        used = np.abs(weights).sum(axis=(2, 3)) > 0
        slopes = dct_of_blocks(weights[used]).reshape(-1, 64)
        quantized = part.coefficients[functional.component][used].reshape(-1, 64)
        steps = part.tables[functional.component].reshape(64)
        places, variances = _places(quantized, self.rates(functional.component).reshape(64))
        value = (slopes * places * steps).sum() + 128 * weights.sum()
        variance = (np.square(slopes * steps) * variances).sum()
        return float(value), float(np.sqrt(variance))


def _places(quantized: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, in steps, of coefficients (..., 64) in the cells of integers."""
    rate = np.clip(np.broadcast_to(rates, quantized.shape), _FLAT, 700)
    # On one side of 0 from the wall next to it: an exponential law cut at one step.
    beyond = 1 / rate - 1 / np.expm1(rate)
    spread = 1 / rate**2 - np.exp(-rate) / np.square(-np.expm1(-rate))
    value = np.sign(quantized) * (np.abs(quantized) - 0.5 + beyond)
    # In the cell of 0 on both sides, up to half a step.
    half = rate / 2
    second = 2 / rate**2 - (0.25 + 1 / rate) / np.expm1(half)
    zero = quantized == 0
    gone = zero & np.isinf(np.broadcast_to(rates, quantized.shape))
    return np.where(zero, 0.0, value), np.where(gone, 0.0, np.where(zero, second, spread))
