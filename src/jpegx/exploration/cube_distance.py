"""How near the pictures that a file allows come to wanted ones, with the whole RGB cube.

Single samples (:mod:`jpegx.exploration.block_distance`) do not know that the Y, Cb and Cr of a
pixel are tied together by 0 <= R, G, B <= 255. Here the pixels of a unit (MCU) are the variables:
the least sum of w (x - h)**2 over its samples x, the coefficients in their cells. A primal-dual
method (Condat 2013, Vu 2013) finds pixels and multipliers r of the cells, and nothing of that is
believed. As the sum is convex, it is nowhere below its tangent at the samples y that were found:

    sum w (x - h)**2 >= sum w (y - h)**2 + g . (x - y),   g = 2 w (y - h)

and as r . s <= c in the cells for libjpeg's integers s, g . x >= g . x + r . s - c, which is linear
in the pixels: :meth:`jpegx.consistency.certificates.Certificates.most` bounds it in closed form,
with all roundings. So y and r prove a distance whatever they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.certificates import Certificates
from jpegx.consistency.units import UnitModel
from jpegx.exploration.functionals import by_block
from jpegx.jpeg.color import to_components
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.mcu import Region, regions

_LOOKS = (100, 200, 400)  # iterations before each proof; the best one counts
_ROUNDING = 0.1  # DCT units: about what libjpeg's DCT rounds
_TOLERANCE = 1e-8  # sums of some thousand products of numbers below 2**17 in 53 bits


class CubeDistance(NamedTuple):
    """``least``: certified sums of units (rows, columns), 0 where none was asked about.

    ``image``: float32 (C, H, W), with the pixels that were found in the units that were.
    """

    least: np.ndarray
    image: Tensor


def nearest_pixels(
    jpeg: QuantizedJpeg,
    wanted: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    start: Tensor,
    units: np.ndarray,
) -> CubeDistance:
    """The distance of some ``units``, bool (rows, columns), of a file's part in Y, Cb and Cr.

    ``wanted`` samples, 0 to 255, and their ``weights``, of the first components, each float64 (8
    block rows, 8 block columns); ``start``: pixels to begin with, float (C, H, W).
    """
    least = np.zeros(units.shape)
    image = start.clone()
    tables = [torch.tensor(table) for table in jpeg.tables]
    grids = [torch.tensor(grid).flatten(-2)[None] for grid in jpeg.coefficients]
    for region in regions(jpeg.layout):
        part = slice(*_ends(region.rows)), slice(*_ends(region.columns))
        index = torch.tensor(units[part].reshape(-1)).nonzero().squeeze(1)
        if not len(index):
            continue
        model = UnitModel(region, tables, torch.device("cpu"))
        quantized = Cell(model.cell(region, grids).quantized[index].double(), model.steps.double())
        asked, held = (_gathered(region, jpeg, v)[index] for v in (wanted, weights))
        unit = _Unit(model, quantized, asked, held)
        pixels, sums = unit.solve(region.gather(start[None])[index].double())
        found = least[part].reshape(-1)
        found[index.numpy()] = sums.numpy()
        least[part] = found.reshape(least[part].shape)
        region.put(index, pixels.float(), image)
    return CubeDistance(least, image)


def _ends(numbers: range) -> tuple[int, int]:
    return numbers.start, numbers.stop


def _gathered(region: Region, jpeg: QuantizedJpeg, values: Sequence[np.ndarray]) -> Tensor:
    """Values of samples by unit, float64 (M, K); 0 for components without any."""
    parts = []
    for component in range(len(jpeg.tables)):
        grid = torch.zeros(1, *jpeg.layout.blocks(component), 64, dtype=torch.float64)
        if component < len(values):
            blocks = by_block(np.asarray(values[component], np.float64))
            grid = torch.tensor(np.ascontiguousarray(blocks)).flatten(-2)[None]
        parts.append(region.gather_blocks(component, grid))
    return torch.cat(parts, dim=1)


class _Unit:
    """The problem of the units of one region: all (M, K) but the pixels, (M, C, P)."""

    def __init__(self, model: UnitModel, cell: Cell, wanted: Tensor, weights: Tensor) -> None:
        self._model, self._cell = model, cell
        self._wanted, self._weights = wanted - 128, weights
        self._certificates = Certificates(model)
        self._matrix = dct_matrix(model.device, torch.float64)
        self._low, self._high = (v / 8 for v in cell.integers())

    def solve(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels that come near, and certified sums (M)."""
        most = self._norm(pixels.shape)
        bent = self._norm(pixels.shape, self._weights) * 2
        press = 0.5
        step = 1 / (bent / 2 + press * most)
        pixels = pixels.clamp(0, 255)
        push = torch.zeros_like(self._wanted)
        least = torch.zeros(len(pixels), dtype=torch.float64)
        low, high = self._low - _ROUNDING, self._high + _ROUNDING
        for count in _LOOKS:
            for _ in range(count):
                slope = 2 * self._weights * (self._samples(pixels) - self._wanted)
                slope = self._back(slope + self._inverse(push))
                before, pixels = pixels, (pixels - step * slope).clamp(0, 255)
                ahead = push + press * self._coefficients(2 * pixels - before)
                push = ahead - press * (ahead / press).clamp(low, high)
            least = torch.maximum(least, self._certify(pixels, push))
        return pixels, least

    def _certify(self, pixels: Tensor, push: Tensor) -> Tensor:
        samples, multipliers = self._samples(pixels), push / 8
        gaps = samples - self._wanted
        slope = 2 * self._weights * gaps
        low, high = 8 * self._low, 8 * self._high
        cells = torch.maximum(multipliers * low, multipliers * high).sum(dim=1)
        tangent = (self._weights * gaps.square() - slope * (samples + 128)).sum(dim=1)
        size = (multipliers.abs() * (low.abs() + high.abs())).sum(dim=1)
        size += 255 * slope.abs().sum(dim=1) + tangent.abs()
        most = self._certificates.most(-multipliers, -slope)
        return tangent - most - cells - _TOLERANCE * size

    def _samples(self, pixels: Tensor) -> Tensor:
        components = to_components(pixels, self._model.region.layout)
        maps = enumerate(self._model.maps)
        return torch.cat([m.samples(components[:, c]) for c, m in maps], dim=1)

    def _coefficients(self, pixels: Tensor) -> Tensor:
        return self._model.coefficients(pixels)

    def _inverse(self, spectrum: Tensor) -> Tensor:
        return (spectrum.reshape(-1, 64) @ self._matrix).view(spectrum.shape)

    def _back(self, samples: Tensor) -> Tensor:
        model = self._model
        return model.pixel_weights(model.component_weights(model.split(samples)))

    def _norm(self, shape: torch.Size, weights: Tensor | float = 1.0) -> float:
        """The largest squared length that a change of pixels has in (weighted) samples."""
        grey = torch.full(shape, 128.0, dtype=torch.float64)
        middle = self._samples(grey)
        change = torch.ones(shape, dtype=torch.float64)
        change[:, :, ::2] = -0.5
        size = 1.0
        for _ in range(30):
            change = change / change.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None]
            change = self._back(weights * (self._samples(grey + change) - middle))
            size = float(change.flatten(1).norm(dim=1).max())
        return 1.05 * max(size, 1e-6)
