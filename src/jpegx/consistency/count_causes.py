"""Which causes keep coefficients from being the file's, counted."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.certificates import GAMUT, NONE, PADDING, Certificates
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.mcu import regions

_UNITS = 1024  # units at a time
# What exact gaps may cost, unasked, for one file: 1 is a unit of 192 coefficients, some 50 ms.
AFFORDABLE = 48.0


def count_causes(causes: Tensor, different: Tensor) -> Causes:
    """The coefficients that differ in units (M), by the causes of these (M)."""
    gamut, padding = (int(different[causes == cause].sum()) for cause in (GAMUT, PADDING))
    return Causes(gamut, padding, int(different.sum()) - gamut - padding)


def certainty_cost(model: UnitModel) -> float:
    """What the exact gap of a unit costs, in the measure of ``AFFORDABLE``."""
    return float(max(1.0, (model.steps.numel() / 192) ** 2.5))


def find_causes(
    jpeg: QuantizedJpeg, encoded: Sequence[np.ndarray], *, certify: bool = False
) -> Causes:
    """The coefficients of an encoded picture that are not a file's, by what keeps them from it.

    ``certify``: look for the exact gap of every unit that nothing is proven of, not only of few.
    """
    causes = Causes()
    tables = [torch.tensor(table) for table in jpeg.tables]
    theirs, ours = (
        [torch.tensor(grid).flatten(-2)[None] for grid in grids]
        for grids in (jpeg.coefficients, encoded)
    )
    unproven: list[tuple[Certificates, Tensor, Tensor]] = []
    cost = 0.0
    for region in regions(jpeg.layout):
        model = UnitModel(region, tables, torch.device("cpu"))
        certificates = Certificates(model)
        for strip in region.strips(_UNITS):
            wanted = model.cell(strip, theirs).quantized
            different = (model.cell(strip, ours).quantized != wanted).sum(dim=1)
            wanted, different = (t[different > 0] for t in (wanted, different))
            if not len(wanted):
                continue
            found = certificates.causes(wanted)
            causes += count_causes(found[found != NONE], different[found != NONE])
            unproven.append((certificates, wanted[found == NONE], different[found == NONE]))
            cost += len(unproven[-1][1]) * certainty_cost(model)
    certify = certify or cost <= AFFORDABLE
    for certificates, wanted, different in unproven:
        found = torch.full((len(wanted),), NONE)
        if certify and len(wanted):
            found = certificates.causes(wanted, certify=True)
        causes += count_causes(found, different)
    return causes
