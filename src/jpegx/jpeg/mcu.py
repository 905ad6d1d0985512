"""An image cut into its minimum coded units: the independent tiles on which JPEG works.

Encoding never mixes two units, so everything that JPEG does to an image (down-sampling with edge
replication, block DCT) is one small matrix per component, the same for all units of a region. An
image has at most four regions: the interior, and the last column, row and corner, whose units may
stick out over the edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jpegx.jpeg.component_map import ComponentMap, component_maps, pixel_order
from jpegx.jpeg.layout import Layout


@dataclass(frozen=True)
class Region:
    """A rectangle of equal minimum coded units of a layout.

    ``rows``, ``columns``: the units covered; ``height``, ``width``: real pixels of each of them.
    The P pixels of a unit are sorted by block of the finest component (``pixel_order``), so that a
    component that is not down-sampled needs no map at all.
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

    @property
    def alone(self) -> "Region":
        """One unit of the region as a picture of its own."""
        layout = replace(self.layout, width=self.width, height=self.height)
        return replace(self, layout=layout, rows=range(1), columns=range(1))

    def strips(self, units: int) -> Iterator["Region"]:
        """The region in strips of about ``units``: whole rows of them, or parts of long rows."""
        down, across = max(1, units // len(self.columns)), min(units, len(self.columns))
        for top in range(0, len(self.rows), down):
            for left in range(0, len(self.columns), across):
                rows = self.rows[top : top + down]
                columns = self.columns[left : left + across]
                yield Region(self.layout, rows, columns, self.height, self.width)

    def maps(self, device: torch.device) -> tuple[ComponentMap, ...]:
        """One map per component."""
        return component_maps(
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
        grid, order = self._grid(images)
        count, channels = images.shape[:2]
        units = grid.reshape(count * self.units, channels, -1)
        return units if order is None else units[:, :, order]

    def put_all(self, units: Tensor, images: Tensor) -> None:
        """Writes the pixels (N * M, C, P) of all units into images (N, C, H, W), in place."""
        grid, order = self._grid(images)
        if order is not None:
            units = units[:, :, order.argsort()]
        grid.copy_(units.view(grid.shape))

    def _grid(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """A view of the region by image, unit row, unit column, channel; and the order of pixels.

        None if what is left, flattened, is in the order of the units' pixels.
        """
        down, across = self._pixel_box()
        order = pixel_order(self.layout.max_factors, self.height, self.width, images.device)
        grid = images[:, :, down, across].unflatten(3, (len(self.columns), self.width))
        grid = grid.unflatten(2, (len(self.rows), self.height)).permute(0, 2, 4, 1, 3, 5)
        if order is None or self.height % 8 or self.width % 8:
            return grid, order
        # Whole blocks: a view has their order.
        return grid.unflatten(5, (-1, 8)).unflatten(4, (-1, 8)).transpose(5, 6), None

    def put(self, index: Tensor, units: Tensor, image: Tensor) -> None:
        """Writes the pixels (M, C, P) of some units, by their numbers (M), into an image (C, H, W).

        Units are numbered row by row. In place.
        """
        down, across = self._pixel_box()
        order = pixel_order(self.layout.max_factors, self.height, self.width, image.device)
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
