"""Pictures of 16 bits a channel that are consistent with a file, by the real-valued forward model.

A cell is hundreds of their steps wide, so that alternating projections between cells, a little
shrunk, and the colours there are (Eq. 11 of Man et al. 2022, again and again) end with pictures
that stay inside when they are rounded.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.io.formats import LEVELS
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.mcu import regions

_UNITS = 1024  # at a time
_ROUNDS = 300
_INSIDE = 0.02  # DCT units: rounding to 16 bits moves a coefficient by 0.016 at most


def project_deep(
    image: Tensor, coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> Tensor:
    """Pixels of 16 bits, int32 (C, H, W) from 0 to 65535, near an image (C, H, W) in gray levels.

    Where no colours of the RGB cube are inside the cells they are as near as was found.
    """
    out = torch.empty(image.shape, dtype=torch.int32, device=image.device)
    grids = [values.flatten(-2)[None] for values in coefficients]
    for region in regions(layout):
        model = UnitModel(region, tables, image.device)
        first = 0
        for strip in region.strips(_UNITS):
            pixels = strip.gather(image[None]).double()
            found = _rounded(model, pixels, model.cell(strip, grids))
            index = torch.arange(first, first + len(pixels), device=image.device)
            region.put(index, found, out)
            first += len(pixels)
    return out


def _rounded(model: UnitModel, pixels: Tensor, cell: Cell) -> Tensor:
    """Pixels (M, C, P) of 16 bits, int32, for real-valued ones (M, C, P)."""
    steps = model.steps.double()
    inside = (steps / 4).clamp(max=_INSIDE)
    out = torch.empty_like(pixels, dtype=torch.int32)
    least = torch.full((len(pixels),), torch.inf, dtype=torch.float64, device=pixels.device)
    active = torch.arange(len(pixels), device=pixels.device)
    for _ in range(_ROUNDS):
        own = Cell(cell.quantized[active].double(), steps)
        values = model.coefficients(pixels)
        change = model.pixel_change(own.clamp(values, inside) - values)
        pixels = (pixels + change).clamp_(0, 255)
        levels = pixels.mul(LEVELS).round_()
        coded = model.coefficients(levels / LEVELS)
        beyond = ((coded / steps - own.quantized).abs() - 0.5).clamp_(min=0).sum(dim=1)
        better = beyond < least[active]
        out[active[better]] = levels[better].to(torch.int32)
        least[active] = torch.minimum(beyond, least[active])
        left = beyond > 0
        if not left.any():
            break
        active, pixels = active[left], pixels[left]
    return out
