"""The sampler without a network: each coefficient drawn from a Laplace law inside its cell."""

from collections.abc import Iterator
from math import log, sqrt

import numpy as np
import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import images_of_planes, planes
from jpegx.sampling.sampler import Progress, Sampler

_STRIP_PIXELS = 1 << 20


class LaplaceSampler(Sampler):
    """Samples of the Laplace laws of a file."""

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Samples by :func:`laplace`: see :meth:`Sampler.sample`."""
        return laplace(jpeg, samples, seed)


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
    # One row a frequency: the draws below then run over contiguous memory.
    rows = [torch.tensor(np.ascontiguousarray(c.reshape(-1, 64).T)) for c in jpeg.coefficients]
    # Wider integers for one row at a time: -32768 has no absolute value in 16 bits.
    rates = [[decay(row.int()) for row in component] for component in rows]
    for sample in range(samples):
        drawn = []
        for c, (component, table) in enumerate(zip(rows, jpeg.tables, strict=True)):
            generator = _generator(seed, sample, c)
            values = torch.empty(component.shape[1], 64)
            for k, (row, rate, step) in enumerate(
                zip(component, rates[c], table.ravel(), strict=True)
            ):
                torch.mul(draw(row.int(), rate, generator), float(step), out=values[:, k])
            drawn += planes([values.view(1, *jpeg.coefficients[c].shape)])
        yield _image(drawn, jpeg.layout)


def _image(drawn: list[Tensor], layout: Layout) -> Tensor:
    """What :func:`images_of_planes` gives, (C, H, W), in strips: a large picture needs no copies.

    Strips are made with one row of units more on either side, which up-sampling looks into.
    """
    out = torch.empty(layout.channels, layout.height, layout.width)
    down, unit = layout.max_factors[1], layout.mcu_size[1]
    rows = unit * max(1, _STRIP_PIXELS // (unit * layout.width))
    for top in range(0, layout.height, rows):
        bottom = min(top + rows, layout.height)
        first, last = max(0, top - unit), min(bottom + unit, layout.height)
        part = Layout(layout.width, last - first, layout.color_space, layout.factors)
        cut = [
            plane[:, first * v // down : -(-last * v // down)]
            for plane, (_, v) in zip(drawn, layout.factors, strict=True)
        ]
        out[:, top:bottom] = images_of_planes(cut, part)[0, :, top - first : bottom - first]
    return out


def _generator(seed: int, sample: int, component: int) -> torch.Generator:
    state = np.random.SeedSequence((seed, sample, component)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
