"""The sampler without a network: each coefficient drawn from a Laplace law inside its cell."""

from collections.abc import Iterator, Sequence
from math import inf, log, sqrt

import numpy as np
import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import images_of_planes, planes
from jpegx.sampling.sampler import Progress, Sampler

_STRIP_PIXELS = 1 << 20
_AT_ONCE = 1 << 18  # coefficients that are drawn at once: their tensors stay in the cache


class LaplaceSampler(Sampler):
    """Samples of the Laplace laws of a file."""

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Samples by :func:`laplace`: see :meth:`Sampler.sample`."""
        return laplace(jpeg, samples, seed)


def decays(quantized: Tensor) -> list[float]:
    """Maximum-likelihood decays of Laplace laws over one step, from quantized coefficients.

    ``quantized``: integers, (F, N), a law for each row. Returns the rates times the step: densities
    are proportional to exp(-decay * |coefficient / step|); infinite where all are zero. Closed form
    of Price and Rabbani, "Biased reconstruction for JPEG decoding" (2000).
    """
    count = quantized.shape[1]
    # Apart by their sign: -32768 has no absolute value in 16 bits.
    sums = quantized.clamp(min=0).sum(dim=1) - quantized.clamp(max=0).sum(dim=1)
    others = torch.count_nonzero(quantized, dim=1)
    return [_decay(count, *found) for found in zip(others.tolist(), sums.tolist(), strict=True)]


def _decay(count: int, others: int, total: int) -> float:
    """The decay of so many coefficients, of which some are not 0, with a sum of absolute values."""
    if not others:
        return inf
    zeros, twice = count - others, 2 * total
    root = sqrt(zeros**2 + 4 * (count + twice) * (twice - others))
    half_step = (root - zeros) / (2 * (count + twice))
    return -2 * log(half_step) if half_step > 0 else inf


def draw(quantized: Tensor, rates: Sequence[float], generator: torch.Generator) -> Tensor:
    """Coefficients in steps, float32 (F, N), drawn from Laplace laws, inside their cells.

    ``quantized``: integers (F, N). ``rates``: the decay of each row. By the inverse of the
    distribution function.
    """
    drawn = quantized.float()
    laws = [row for row, rate in enumerate(rates) if rate != inf]
    if laws:
        rate = torch.tensor([rates[row] for row in laws])[:, None]
        drawn[laws] = _draw(drawn[laws], rate, generator)
    return drawn


def _draw(whole: Tensor, rate: Tensor, generator: torch.Generator) -> Tensor:
    """That for whole numbers, float32 (F, N), and finite rates (F, 1)."""
    uniform = torch.rand(whole.shape, generator=generator)
    # In the cell of 0 the law has two sides: the uniform number gives the side first.
    is_zero = whole == 0
    both_sides = uniform.mul(2).sub_(1)
    side = torch.where(is_zero, both_sides, whole).sign_()
    uniform = torch.where(is_zero, both_sides.abs_(), uniform)
    width = torch.where(is_zero, 0.5, 1.0)
    start = whole.abs().sub_(0.5).clamp_(min=0)
    scale = torch.where(is_zero, torch.expm1(-rate * 0.5), torch.expm1(-rate))
    inside = scale.mul_(uniform).log1p_().neg_().div_(rate)
    flat = rate < 1e-4  # to rounding, where the logarithm loses its digits
    if flat.any():
        inside = torch.where(flat, uniform.mul_(width), inside)
    return torch.minimum(inside, width).add_(start).mul_(side)


def laplace(jpeg: QuantizedJpeg, samples: int, seed: int) -> Iterator[Tensor]:
    """Samples of a file, float32 (C, H, W) in gray levels, not clipped.

    The decay is fitted to each component and frequency of the file. Chroma is drawn at its own
    resolution, then up-sampled smoothly. Sample i depends on the seed and i alone.
    """
    # One row a frequency: the draws below then run over contiguous memory.
    rows = [torch.tensor(c).view(-1, 64).T.contiguous() for c in jpeg.coefficients]
    rates = [decays(component) for component in rows]
    for sample in range(samples):
        drawn = []
        for c, (component, table) in enumerate(zip(rows, jpeg.tables, strict=True)):
            generator = _generator(seed, sample, c)
            steps = torch.tensor(table, dtype=torch.float32).view(64, 1)
            values = torch.empty(component.shape[1], 64)
            some = max(1, _AT_ONCE // component.shape[1])
            for first in range(0, 64, some):
                part = slice(first, first + some)
                made = draw(component[part], rates[c][part], generator).mul_(steps[part])
                values[:, part] = made.T
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
