"""Exact pictures in which a weighted sum is as large as they are found to have it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.exploration.functionals import Functional
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.samples import with_samples
from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.mcu import Region, regions

# Steps towards more of the sum, each followed by projections onto cells and gamut: the first, in
# gray levels of the pixel with most weight, and how the next ones shrink.
_PUSHES, _FIRST, _SHRINK = 40, 64.0, 0.87
_SETTLE = 20  # projections without a push at the end


def extreme_picture(
    finisher: Finisher, functional: Functional, sign: int, samples: np.ndarray, used: np.ndarray
) -> Patch:
    """The exact pixels of a file's part with most (``sign`` 1) or least (-1) of a functional.

    ``samples``: (blocks, 8, 8) of its component where the search starts, for the blocks of
    ``used``, bool (block rows, block columns).
    """
    layout = finisher.jpeg.layout
    image = with_samples(finisher, {functional.component: (used, samples)})
    weights = torch.tensor(functional.weights * sign)
    out = image.clone()
    tables = [torch.tensor(table) for table in finisher.jpeg.tables]
    grids = [torch.tensor(grid).flatten(-2)[None] for grid in finisher.jpeg.coefficients]
    for region in regions(layout):
        model = UnitModel(region, tables, torch.device("cpu"))
        parts = [torch.zeros(1, *layout.blocks(c), 64) for c in range(len(layout.factors))]
        blocks = weights.unflatten(1, (-1, 8)).unflatten(0, (-1, 8)).transpose(1, 2)
        parts[functional.component] = blocks.flatten(-2)[None].float()
        slopes = _slopes(region, model, parts)
        pixels = region.gather(image[None])
        pushed = _push(model, model.cell(region, grids), pixels, slopes)
        region.put_all(pushed, out[None])
    return finisher.finish(out)


def _slopes(region: Region, model: UnitModel, weights: Sequence[Tensor]) -> Tensor:
    """Which change of the pixels' components the sum gains most by, in pixels (M, C, P), at most 1.

    Of the component alone that is meant: the slope in R, G and B would change the others, too.
    """
    samples = [region.gather_blocks(c, grid) for c, grid in enumerate(weights)]
    slopes = change_in_pixels(model.component_weights(samples), region.layout)
    return slopes / slopes.abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


def _push(model: UnitModel, cell: Cell, pixels: Tensor, slopes: Tensor) -> Tensor:
    """Projected steps of pixels (M, C, P) along the slopes, shorter and shorter."""
    length = _FIRST
    for turn in range(_PUSHES + _SETTLE):
        if turn < _PUSHES:
            pixels = pixels + length * slopes
            length *= _SHRINK
        values = model.coefficients(pixels)
        pixels = (pixels + model.pixel_change(cell.clamp(values) - values)).clamp_(0, 255)
    return pixels
