"""What cells and the RGB cube allow of a weighted sum in whole units: linear programs.

A pixel's Y, Cb and Cr are tied together by 0 <= R, G, B <= 255, which the programs of single blocks
do not know. One of a unit takes a fifth of a second or so; as there, what the solver tells is made
a proof in closed form, here by :meth:`jpegx.consistency.certificates.Certificates.most`.
"""

from dataclasses import replace

import torch

from jpegx.consistency.cell import Cell
from jpegx.consistency.certificates import Certificates
from jpegx.consistency.linear_program import find_multipliers
from jpegx.consistency.units import UnitModel
from jpegx.errors import JpegxError
from jpegx.exploration.block_programs import NEEDS_SCIPY
from jpegx.exploration.functionals import Functional, by_block
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.mcu import Region, regions

# Sums of some thousand products of numbers below 2**17 in 53 bits, for each unit of weight.
_TOLERANCE = 1e-8


class UnitPrograms:
    """Certified ends of sums in single units of a file's part.

    ``slack``: steps by which cells are widened.
    """

    def __init__(self, jpeg: QuantizedJpeg, slack: float = 0.0) -> None:
        self._slack = slack
        self._layout = jpeg.layout
        tables = [torch.tensor(table) for table in jpeg.tables]
        self._grids = [torch.tensor(grid).flatten(-2)[None] for grid in jpeg.coefficients]
        self._parts = [
            (region, model, Certificates(model))
            for region in regions(jpeg.layout)
            for model in (UnitModel(region, tables, torch.device("cpu")),)
        ]

    def most(self, functional: Functional, sign: int, unit: tuple[int, int]) -> float:
        """What the sum of ``sign`` times a functional over a unit (row, column) cannot exceed.

        Infinite where the solver finds nothing. Raises JpegxError if SciPy is missing.
        """
        region, model, certificates = next(
            part for part in self._parts if unit[0] in part[0].rows and unit[1] in part[0].columns
        )
        one = Region(
            self._layout,
            range(unit[0], unit[0] + 1),
            range(unit[1], unit[1] + 1),
            region.height,
            region.width,
        )
        cell = replace(model.cell(one, self._grids), slack=self._slack)
        grids = [torch.zeros(1, *self._layout.blocks(c), 64) for c in range(len(self._grids))]
        weights = torch.tensor(by_block(functional.weights) * sign).flatten(-2)
        grids = [grid.double() for grid in grids]
        grids[functional.component] = weights[None]
        wanted = torch.cat([one.gather_blocks(c, grid) for c, grid in enumerate(grids)], dim=1)
        try:
            found = find_multipliers(model, cell, wanted[0])
        except ImportError:
            raise JpegxError(NEEDS_SCIPY) from None
        if found is None:
            return float("inf")
        spectrum = found[None]
        low, high = Cell(cell.quantized.double(), model.steps.double(), self._slack).integers()
        cells = torch.maximum(spectrum * low, spectrum * high).sum(dim=1)
        size = (spectrum.abs() * (low.abs() + high.abs())).sum(dim=1)
        size += 255 * wanted.abs().sum(dim=1)
        return float(certificates.most(-spectrum, wanted) + cells + _TOLERANCE * size)
