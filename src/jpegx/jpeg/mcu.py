"""An image cut into its minimum coded units: the independent tiles on which JPEG works.

Encoding never mixes two units, so everything that JPEG does to an image (down-sampling with edge
replication, block DCT) is one small matrix per component, the same for all units of a region. An
image has at most four regions: the interior, and the last column, row and corner, whose units may
stick out over the edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil

import torch
from torch import Tensor

from jpegx.jpeg.layout import Layout


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
        return pixels @ (self.sums.T / self.pixels_per_sample).to(pixels.dtype)

    def integer_samples(self, pixels: Tensor) -> Tensor:
        """libjpeg's down-sampled integers (M, K), of whole numbers (M, P), in their type."""
        if self.sums is None:
            return pixels
        # A quarter keeps the quotient of a multiple of 3 or 9 from falling below its integer.
        bias = (self.bias + 0.25).to(pixels.dtype)
        total = torch.addmm(bias, pixels, self.sums.T.to(pixels.dtype))
        return total.mul_(1 / self.pixels_per_sample).floor_()

    @cached_property
    def groups(self) -> tuple[Tensor, Tensor]:
        """The distinct sums of a down-sampled component, (S, P), and which one each sample is, (K).

        Sorted by their first pixel, or as the samples are where none is repeated, which happens
        only past the edge of the image. Raises
        ValueError if the component is not down-sampled.
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

    def variables(self, pixels: Tensor) -> Tensor:
        """The distinct samples (M, S) of pixels (M, P), in the order of ``variable_of_sample``.

        The pixels themselves where a sample is one pixel; the means of ``groups`` elsewhere.
        """
        if self.pixels_per_sample == 1:
            return pixels
        return pixels @ (self.groups[0].T / self.pixels_per_sample).to(pixels.dtype)

    def pixels(self, samples: Tensor) -> Tensor:
        """Least change of pixels (M, P) that changes the samples by (M, K)."""
        return samples if self.spread is None else samples @ self.spread.T.to(samples.dtype)


@dataclass(frozen=True)
class Region:
    """A rectangle of equal minimum coded units of a layout.

    ``rows``, ``columns``: the units covered; ``height``, ``width``: real pixels of each of them.
    ``order``: position in the unit (row-major) of each of its P pixels, sorted by block of the
    finest component, so that a component that is not down-sampled needs no map at all.
    """

    layout: Layout
    rows: range
    columns: range
    height: int
    width: int

    @property
    def units(self) -> int:
        """Number of units M for one image."""
        return len(self.rows) * len(self.columns)

    def strips(self, units: int) -> Iterator["Region"]:
        """The region in strips of whole rows of units, each about ``units`` large."""
        step = max(1, units // len(self.columns))
        for start in range(0, len(self.rows), step):
            rows = self.rows[start : start + step]
            yield Region(self.layout, rows, self.columns, self.height, self.width)

    def maps(self, device: torch.device) -> tuple[ComponentMap, ...]:
        """One map per component."""
        return _maps(
            self.layout.factors,
            self.height,
            self.width,
            tuple(self._blocks(c) for c in range(len(self.layout.factors))),
            device,
        )

    def _blocks(self, component: int) -> tuple[int, int]:
        h, v = self.layout.factors[component]
        rows, columns = self.layout.blocks(component)
        return min(v, rows - self.rows.start * v), min(h, columns - self.columns.start * h)

    def _pixel_box(self) -> tuple[slice, slice]:
        unit_width, unit_height = self.layout.mcu_size
        top, left = self.rows.start * unit_height, self.columns.start * unit_width
        bottom = top + (len(self.rows) - 1) * unit_height + self.height
        right = left + (len(self.columns) - 1) * unit_width + self.width
        return slice(top, bottom), slice(left, right)

    def gather(self, images: Tensor) -> Tensor:
        """Pixels (N * M, C, P) of the region's units, from images (N, C, H, W)."""
        down, across = self._pixel_box()
        count, channels = images.shape[:2]
        grid = images[:, :, down, across].reshape(
            count, channels, len(self.rows), self.height, len(self.columns), self.width
        )
        units = grid.permute(0, 2, 4, 1, 3, 5).reshape(count * self.units, channels, -1)
        order = _order(self.layout.max_factors, self.height, self.width, images.device)
        return units if order is None else units[:, :, order]

    def put(self, index: Tensor, units: Tensor, image: Tensor) -> None:
        """Writes the pixels (M, C, P) of some units, by their numbers (M), into an image (C, H, W).

        Units are numbered row by row. In place.
        """
        down, across = self._pixel_box()
        order = _order(self.layout.max_factors, self.height, self.width, image.device)
        if order is not None:
            units = units[:, :, order.argsort()]
        grid = image[:, down, across].unflatten(2, (len(self.columns), self.width))
        grid = grid.unflatten(1, (len(self.rows), self.height)).permute(1, 3, 0, 2, 4)
        columns = len(self.columns)
        grid[index // columns, index % columns] = units.unflatten(2, (self.height, self.width))

    def _block_box(self, component: int) -> tuple[slice, slice]:
        h, v = self.layout.factors[component]
        rows, columns = self._blocks(component)
        top, left = self.rows.start * v, self.columns.start * h
        return (
            slice(top, top + (len(self.rows) - 1) * v + rows),
            slice(left, left + (len(self.columns) - 1) * h + columns),
        )

    def gather_blocks(self, component: int, blocks: Tensor) -> Tensor:
        """Values (N * M, K) of the region's units, from a grid (N, rows, columns, 64)."""
        down, across = self._block_box(component)
        rows, columns = self._blocks(component)
        grid = blocks[:, down, across].reshape(
            len(blocks), len(self.rows), rows, len(self.columns), columns, 64
        )
        return grid.permute(0, 1, 3, 2, 4, 5).reshape(len(blocks) * self.units, -1)

    def scatter_blocks(self, component: int, values: Tensor, blocks: Tensor) -> None:
        """Writes values (N * M, K) into a grid (N, rows, columns, 64), in place."""
        down, across = self._block_box(component)
        rows, columns = self._blocks(component)
        grid = values.reshape(
            len(blocks), len(self.rows), len(self.columns), rows, columns, 64
        ).permute(0, 1, 3, 2, 4, 5)
        box = blocks[:, down, across]
        box.copy_(grid.reshape(box.shape))


def regions(layout: Layout) -> list[Region]:
    """The at most four regions that together hold every unit of the layout once.

    Raises ValueError if the layout has a fractional sampling ratio.
    """
    if layout.is_fractional:
        raise ValueError(f"fractional sampling {layout.factors}")
    unit_width, unit_height = layout.mcu_size
    return [
        Region(layout, rows, columns, height, width)
        for rows, height in _spans(layout.height, unit_height)
        for columns, width in _spans(layout.width, unit_width)
    ]


def _spans(length: int, unit: int) -> list[tuple[range, int]]:
    whole, rest = divmod(length, unit)
    spans = [(range(whole), unit)] if whole else []
    return spans + ([(range(whole, whole + 1), rest)] if rest else [])


@lru_cache(maxsize=64)
def _order(
    max_factors: tuple[int, int], height: int, width: int, device: torch.device
) -> Tensor | None:
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
def _maps(
    factors: tuple[tuple[int, int], ...],
    height: int,
    width: int,
    blocks: tuple[tuple[int, int], ...],
    device: torch.device,
) -> tuple[ComponentMap, ...]:
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    order = _order((across, down), height, width, torch.device("cpu"))
    maps = []
    for (h, v), (block_rows, block_columns) in zip(factors, blocks, strict=True):
        wide, high = across // h, down // v
        rows = _sums(height, high, 8 * block_rows, replicate_samples_from=ceil(height / down) * v)
        columns = _sums(width, wide, 8 * block_columns, replicate_samples_from=None)
        count = wide * high
        bias = _bias(wide, high).repeat(4 * block_columns).repeat(8 * block_rows)
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


def _bias(wide: int, high: int) -> Tensor:
    """What libjpeg adds before dividing, for an even and an odd column of samples (jcsample.c)."""
    if (wide, high) == (2, 1):
        pair = (0, 1)
    elif (wide, high) == (2, 2):
        pair = (1, 2)
    else:
        pair = (wide * high // 2,) * 2
    return torch.tensor(pair, dtype=torch.float64)


def _by_block(values: Tensor, block_rows: int, block_columns: int) -> Tensor:
    """(..., rows * columns) in row-major order, sorted by 8x8 block instead."""
    grid = values.reshape(-1, block_rows, 8, block_columns, 8)
    return grid.permute(0, 1, 3, 2, 4).reshape(len(values), -1)
