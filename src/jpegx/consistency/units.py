"""Linear algebra of the forward model on the minimum coded units of one region."""

from collections.abc import Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.jpeg.color import change_before_rounding, change_in_pixels, to_components
from jpegx.jpeg.component_map import ComponentMap
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.libjpeg_model import unit_coefficients
from jpegx.jpeg.mcu import Region


class UnitModel:
    """The forward model of the units of one region, all components in one vector of length K.

    ``pixels`` below are (M, C, P) in gray levels, coefficients (M, K) in DCT units.
    """

    def __init__(self, region: Region, tables: Sequence[Tensor], device: torch.device) -> None:
        self.region = region
        self.device = device
        self.maps: tuple[ComponentMap, ...] = region.maps(device)
        self.blocks = sum(m.block_rows * m.block_columns for m in self.maps)
        self._sizes = [64 * m.block_rows * m.block_columns for m in self.maps]
        self.steps = torch.cat(
            [
                t.reshape(-1).float().repeat(n // 64)
                for t, n in zip(tables, self._sizes, strict=True)
            ]
        ).to(device)

    def split(self, values: Tensor) -> tuple[Tensor, ...]:
        """(..., K) cut into its components."""
        parts: tuple[Tensor, ...] = values.split(self._sizes, dim=-1)
        return parts

    def cell(self, part: Region, coefficients: Sequence[Tensor]) -> Cell:
        """Cells of the units of a part of the region, from grids (1, rows, columns, 64)."""
        values = [part.gather_blocks(c, grid) for c, grid in enumerate(coefficients)]
        return Cell(torch.cat(values, dim=1).float(), self.steps)

    def coefficients(self, pixels: Tensor) -> Tensor:
        """DCT coefficients (M, K) of real-valued pixels."""
        return self.component_coefficients(to_components(pixels, self.region.layout))

    def component_coefficients(self, components: Tensor) -> Tensor:
        """DCT coefficients (M, K) of the components of pixels, (M, C, P) centred on 0."""
        matrix = dct_matrix(self.device, components.dtype).T
        parts = [
            (m.samples(components[:, c]).reshape(-1, 64) @ matrix).view(len(components), -1)
            for c, m in enumerate(self.maps)
        ]
        return torch.cat(parts, dim=1)

    def pixel_change(self, change: Tensor) -> Tensor:
        """Least change of components, given in pixels, that changes the coefficients by (M, K).

        Exact for units that lie inside the image; the least-squares solution at the edges, where
        replication ties samples together.
        """
        matrix = dct_matrix(self.device, change.dtype)
        parts = [
            m.pixels((part.reshape(-1, 64) @ matrix).view(part.shape))
            for m, part in zip(self.maps, self.split(change), strict=True)
        ]
        return change_in_pixels(torch.stack(parts, dim=1), self.region.layout)

    def component_weights(self, samples: Sequence[Tensor]) -> Tensor:
        """Weights of pixels' components (M, C, P) in weighted sums of samples, (M, K) each."""
        parts = [
            part if m.sums is None else part @ (m.sums / m.pixels_per_sample).to(part.dtype)
            for part, m in zip(samples, self.maps, strict=True)
        ]
        return torch.stack(parts, dim=1)

    def pixel_weights(self, components: Tensor) -> Tensor:
        """Weights of pixels (M, C, P) in weighted sums of their components (M, C, P)."""
        eye = torch.eye(components.shape[1], device=components.device)[:, :, None]
        mix = change_before_rounding(eye, self.region.layout)[:, :, 0].to(components.dtype)
        return (mix @ components.flatten(2)).view(components.shape)

    def integer_coefficients(self, pixels: Tensor) -> Tensor:
        """8 times the coefficients, as libjpeg's integers, float32 (M, K), of whole pixels."""
        out = torch.empty(len(pixels), sum(self._sizes), device=pixels.device)
        for part, scaled in zip(
            self.split(out), unit_coefficients(pixels, self.region), strict=True
        ):
            part.copy_(scaled)
        return out

    @cached_property
    def effects(self) -> tuple[Tensor, ...]:
        """Per component, the coefficients, float64 (K of the component, S), of each variable.

        The variables are the P pixels of a component at full resolution, and the distinct samples
        (``ComponentMap.groups``) of one that is down-sampled.
        """
        out = []
        for unit_map in self.maps:
            blocks = unit_map.block_rows * unit_map.block_columns
            transform = torch.block_diag(
                *[dct_matrix(torch.device("cpu"), torch.float64)] * blocks
            ).to(self.device)
            if unit_map.pixels_per_sample == 1:
                out.append(transform if unit_map.sums is None else transform @ unit_map.sums)
            else:
                distinct, which = unit_map.groups
                out.append(transform @ F.one_hot(which, len(distinct)).double())
        return tuple(out)
