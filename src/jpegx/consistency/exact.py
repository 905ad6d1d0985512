"""From any image to an 8-bit image that re-encodes to the coefficients of a file.

How is told in :mod:`jpegx.consistency.region_solver`. What the searches may cost is bounded for
each image by its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.region_solver import RegionSolver, Searching
from jpegx.consistency.search_budget import Budget
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.mcu import regions

# What the searches may cost, in rounds on blocks of samples (some 8 microseconds each): for any
# image, and for each of its blocks.
_BUDGET, _BLOCK_BUDGET = 200_000, 120


@dataclass(frozen=True)
class Exact:
    """An 8-bit image and how exact it is.

    ``pixels``: uint8 (C, H, W). ``different`` of ``total`` coefficients re-encode to another
    integer (0: exact), by ``causes``. ``rmse_added``: RMSE in gray levels between the pixels and
    the plain projection of Eq. 11 clipped to 0..255; rounding alone makes 0.29.
    """

    pixels: Tensor
    causes: Causes
    total: int
    rmse_added: float

    @property
    def different(self) -> int:
        """Coefficients that re-encode to another integer than the file's."""
        return self.causes.total


class Projector:
    """Makes images exactly consistent with one file.

    ``coefficients``: the file's integers, (rows, columns, 8, 8) per component; ``tables``: (8, 8)
    per component; both on the device to work on. What is proven about the file is kept for the next
    image. Raises ValueError for a fractional sampling ratio.
    """

    def __init__(
        self,
        coefficients: Sequence[Tensor],
        tables: Sequence[Tensor],
        layout: Layout,
    ) -> None:
        self._grids = [c.flatten(-2)[None] for c in coefficients]
        self._total = sum(c.numel() for c in coefficients)
        self._regions = [RegionSolver(region, tables, self._grids) for region in regions(layout)]

    def __call__(self, image: Tensor, searching: Searching | None = None) -> Exact:
        """The 8-bit image near ``image`` whose re-encoding gives the file's coefficients.

        ``image``: float (C, H, W) in gray levels, on the file's device. ``searching``: told again
        and again how many units are searched for. Deterministic, and the same whatever was
        projected before.
        """
        out = torch.empty(image.shape, dtype=torch.uint8, device=image.device)
        budget = Budget(_BUDGET + _BLOCK_BUDGET * self._total // 64)
        causes, squares = Causes(), 0.0
        blocks = [solver.blocks for solver in self._regions]
        for number, solver in enumerate(self._regions):
            share = max(1 / (len(blocks) - number), blocks[number] / sum(blocks[number:]))
            found, added = solver.solve(image, out, budget.part(share), searching)
            causes += found
            squares += added
        return Exact(out, causes, self._total, (squares / image.numel()) ** 0.5)
