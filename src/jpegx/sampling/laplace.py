"""The sampler without a network: each coefficient drawn from a Laplace law inside its cell."""

from collections.abc import Iterator, Sequence
from math import log, sqrt

import numpy as np
import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.forward import images


def decay(quantized: Tensor) -> float:
    """Maximum-likelihood decay of a Laplace law over one step, from quantized coefficients.

    ``quantized``: integers, any shape. Returns the rate times the step: the density is
    proportional to exp(-decay * |coefficient / step|); infinite if all are zero. Closed form of
    Price and Rabbani, "Biased reconstruction for JPEG decoding" (2000).
    """
    total = quantized.numel()
    zeros = total - int(torch.count_nonzero(quantized))
    twice = 2 * float(quantized.abs().sum(dtype=torch.float64))
    if zeros == total:
        return float("inf")
    root = sqrt(zeros**2 + 4 * (total + twice) * (twice - (total - zeros)))
    half_step = (root - zeros) / (2 * (total + twice))
    return -2 * log(half_step) if half_step > 0 else float("inf")


def draw(quantized: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Coefficients in steps, float32, drawn from the Laplace law of a decay, inside their cells.

    ``quantized``: integers, any shape. By the inverse of the distribution function.
    """
    if rate == float("inf"):
        return quantized.float()
    uniform = torch.rand(quantized.shape, generator=generator)
    # In the cell of 0 the law has two sides: the uniform number gives the side first.
    side = torch.where(quantized == 0, (uniform * 2 - 1).sign(), quantized.sign().float())
    uniform = torch.where(quantized == 0, (uniform * 2 - 1).abs(), uniform)
    width = torch.where(quantized == 0, 0.5, 1.0)
    start = torch.where(quantized == 0, 0.0, quantized.abs() - 0.5)
    if rate < 1e-4:  # flat to rounding, where the logarithm below loses its digits
        inside = uniform * width
    else:
        inside = -torch.log1p(uniform * torch.expm1(-rate * width)) / rate
    return side * (start + torch.minimum(inside, width))


def laplace(jpeg: QuantizedJpeg, samples: int, seed: int) -> Iterator[Tensor]:
    """Samples of a file, float32 (C, H, W) in gray levels, not clipped.

    The decay is fitted to each component and frequency of the file. Chroma is drawn at its own
    resolution, then up-sampled smoothly. Sample i depends on the seed and i alone.
    """
    grids = [torch.tensor(c, dtype=torch.int32) for c in jpeg.coefficients]
    rates = [[[decay(grid[:, :, v, u]) for u in range(8)] for v in range(8)] for grid in grids]
    for sample in range(samples):
        values = [
            _draw_component(grid, rates[c], table, _generator(seed, sample, c))
            for c, (grid, table) in enumerate(zip(grids, jpeg.tables, strict=True))
        ]
        yield images([v[None] for v in values], jpeg.layout)[0]


def _draw_component(
    grid: Tensor, rates: Sequence[Sequence[float]], table: np.ndarray, generator: torch.Generator
) -> Tensor:
    out = torch.empty(grid.shape)
    for v in range(8):
        for u in range(8):
            out[:, :, v, u] = draw(grid[:, :, v, u], rates[v][u], generator) * float(table[v, u])
    return out


def _generator(seed: int, sample: int, component: int) -> torch.Generator:
    state = np.random.SeedSequence((seed, sample, component)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
