"""How the samples of a component come from the pixels of one minimum coded unit, and back."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from jpegx.jpeg.libjpeg_arrays import sample_bias


class _Matrices(NamedTuple):
    """What maps the pixels of a component to its samples and back, in one floating type."""

    mean: Tensor  # (P, K)
    sum: Tensor  # (P, K)
    bias: Tensor  # (K)
    spread: Tensor  # (K, P)


@dataclass(frozen=True)
class ComponentMap:
    """How the real pixels of a unit become the samples of one component's blocks.

    ``sums`` (K, P): pixels added into each sample, None where a sample is one pixel (identity).
    ``spread`` (P, K): its pseudo-inverse times ``pixels_per_sample``: the least change of pixels
    that makes a wanted change of samples; None likewise. ``bias`` (K): what libjpeg adds to a sum
    before it divides. K = 64 times the blocks, sorted by block, then row, then column.
    """

    block_rows: int
    block_columns: int
    pixels_per_sample: int
    sums: Tensor | None
    spread: Tensor | None
    bias: Tensor

    def samples(self, pixels: Tensor) -> Tensor:
        """Down-sampled samples (M, K) of one component of the units' pixels (M, P)."""
        if self.sums is None:
            return pixels
        return pixels @ self._matrices(pixels.dtype).mean

    def integer_samples(self, pixels: Tensor) -> Tensor:
        """libjpeg's down-sampled integers (M, K), of whole numbers (M, P), in their type."""
        if self.sums is None:
            return pixels
        matrices = self._matrices(pixels.dtype)
        total = torch.addmm(matrices.bias, pixels, matrices.sum)
        return total.mul_(1 / self.pixels_per_sample).floor_()

    @cached_property
    def groups(self) -> tuple[Tensor, Tensor]:
        """The distinct sums of a down-sampled component, (S, P), and which one each sample is, (K).

        Sorted by their first pixel, or as the samples are where none is repeated, which happens
        only past the edge of the image. Raises ValueError if the component is not down-sampled.
        """
        if self.sums is None:
            raise ValueError("a component that is not down-sampled has no groups")
        distinct, which = torch.unique(self.sums, dim=0, return_inverse=True)
        if len(distinct) == len(which):
            return self.sums, torch.arange(len(which), device=which.device)
        order = (distinct > 0).to(torch.int8).argmax(dim=1).argsort(stable=True)
        return distinct[order], order.argsort()[which]

    def rounding(self) -> tuple[Tensor, Tensor]:
        """What libjpeg's rounding of the means adds to the samples, (K) at least and at most."""
        most = self.bias / self.pixels_per_sample
        return most - (1 - 1 / self.pixels_per_sample), most

    @property
    def variables_are_samples(self) -> bool:
        """True if each sample is a number of its own: no padding repeats one."""
        return self.sums is None or (self.pixels_per_sample > 1 and self.repeats_none)

    @cached_property
    def repeats_none(self) -> bool:
        """True for a down-sampled component none of whose samples is repeated."""
        return len(self.groups[0]) == len(self.groups[1])

    @cached_property
    def variable_of_sample(self) -> Tensor:
        """Which of the numbers that :meth:`variables` gives each sample (K) is."""
        if self.sums is None:
            return torch.arange(len(self.bias), device=self.bias.device)
        if self.pixels_per_sample == 1:
            return self.sums.argmax(dim=1)
        return self.groups[1]

    @cached_property
    def distinct_rows(self) -> tuple[Tensor, Tensor]:
        """Samples of rows (8 each) that no earlier row is, (D), and which of these each is, (K).

        Past the lower edge rows are repeated, and with them all that is rounded on the way.
        """
        same = torch.stack((self.variable_of_sample, self.bias.long())).view(2, -1, 8)
        _, which = torch.unique(same.movedim(1, 0).flatten(1), dim=0, return_inverse=True)
        first = (which[:, None] == which).to(torch.int8).argmax(dim=1)
        kept, number = torch.unique(first, return_inverse=True)
        column = torch.arange(8, device=first.device)
        return (kept[:, None] * 8 + column).view(-1), (number[:, None] * 8 + column).view(-1)

    def variables(self, pixels: Tensor) -> Tensor:
        """The distinct samples (M, S) of pixels (M, P), in the order of ``variable_of_sample``.

        The pixels themselves where a sample is one pixel; the means of ``groups`` elsewhere.
        """
        if self.pixels_per_sample == 1:
            return pixels
        return pixels @ (self.groups[0].T / self.pixels_per_sample).to(pixels.dtype)

    def pixels(self, samples: Tensor) -> Tensor:
        """Least change of pixels (M, P) that changes the samples by (M, K)."""
        return samples if self.spread is None else samples @ self._matrices(samples.dtype).spread

    def _matrices(self, dtype: torch.dtype) -> _Matrices:
        if self.sums is None or self.spread is None:
            raise ValueError("where a sample is one pixel there are no matrices")
        if dtype not in self._converted:
            mean = self.sums.T / self.pixels_per_sample
            # A quarter keeps the quotient of a multiple of 3 or 9 from falling below its integer.
            parts = mean, self.sums.T, self.bias + 0.25, self.spread.T
            self._converted[dtype] = _Matrices(*(part.to(dtype).contiguous() for part in parts))
        return self._converted[dtype]

    @cached_property
    def _converted(self) -> dict[torch.dtype, _Matrices]:
        return {}


@lru_cache(maxsize=64)
def pixel_order(
    max_factors: tuple[int, int], height: int, width: int, device: torch.device
) -> Tensor | None:
    """The order of a unit's pixels, by block of the finest component; None if it is row-major."""
    if max_factors[0] == 1 or width <= 8:
        return None
    index = torch.arange(height * width).view(height, width)
    blocks = [
        index[top : top + 8, left : left + 8].reshape(-1)
        for top in range(0, height, 8)
        for left in range(0, width, 8)
    ]
    return torch.cat(blocks).to(device)


@lru_cache(maxsize=64)
def component_maps(
    factors: tuple[tuple[int, int], ...],
    height: int,
    width: int,
    blocks: tuple[tuple[int, int], ...],
    device: torch.device,
) -> tuple[ComponentMap, ...]:
    """One map per component, of units of so many real pixels; ``blocks``: (rows, columns) each."""
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    order = pixel_order((across, down), height, width, torch.device("cpu"))
    maps = []
    for (h, v), (block_rows, block_columns) in zip(factors, blocks, strict=True):
        wide, high = across // h, down // v
        rows = _sums(height, high, 8 * block_rows, replicate_samples_from=ceil(height / down) * v)
        columns = _sums(width, wide, 8 * block_columns, replicate_samples_from=None)
        count = wide * high
        bias = (
            torch.tensor(sample_bias(wide, high), dtype=torch.float64)
            .repeat(4 * block_columns)
            .repeat(8 * block_rows)
        )
        sums: Tensor | None = None
        spread: Tensor | None = None
        if count > 1 or height != 8 * block_rows or width != 8 * block_columns:
            sums = _by_block(torch.kron(rows, columns).T, block_rows, block_columns).T
            inverse = torch.kron(torch.linalg.pinv(rows), torch.linalg.pinv(columns)) * count
            spread = _by_block(inverse, block_rows, block_columns)
            if order is not None:
                sums, spread = sums[:, order], spread[order]
            sums, spread = sums.contiguous().to(device), spread.contiguous().to(device)
        bias = _by_block(bias.view(1, -1), block_rows, block_columns).view(-1)
        maps.append(ComponentMap(block_rows, block_columns, count, sums, spread, bias.to(device)))
    return tuple(maps)


def _sums(pixels: int, reduction: int, samples: int, replicate_samples_from: int | None) -> Tensor:
    """Pixels added into each sample along one axis, float64 (samples, pixels).

    Past the edge libjpeg repeats the last pixel to the right, but downwards, once the last group
    of rows is complete, the last row of samples (jcprepct.c).
    """
    matrix = torch.zeros(samples, pixels, dtype=torch.float64)
    for sample in range(samples):
        source = sample
        if replicate_samples_from is not None:
            source = min(sample, replicate_samples_from - 1)
        for pixel in range(source * reduction, (source + 1) * reduction):
            matrix[sample, min(pixel, pixels - 1)] += 1
    return matrix


def _by_block(values: Tensor, block_rows: int, block_columns: int) -> Tensor:
    """(..., rows * columns) in row-major order, sorted by 8x8 block instead."""
    grid = values.reshape(-1, block_rows, 8, block_columns, 8)
    return grid.permute(0, 1, 3, 2, 4).reshape(len(values), -1)
