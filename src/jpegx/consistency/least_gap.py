"""How near the pictures come to the cells of units, and in which direction the gap is."""

from collections.abc import Iterator

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_before_rounding
from jpegx.jpeg.dct import dct_matrix

# Accelerated steps before each look at the gap.
_LOOKS = (10, 20, 40, 80, 160, 320)
# What libjpeg's DCT rounds, in DCT units: half of an eighth after the second pass, and somewhat
# less that comes from the first.
_DCT_ROUNDING = 0.1
_SMALL = 1e-3  # a pixel of less weight would get too large a step


class LeastGap:
    """Accelerated projected gradients (FISTA) on the squared distance from the cells.

    Pixels between ``low`` and ``high`` (one or (P)), and what rounding may do to each sample, are
    the variables. If there is a distance, the gap that is left is, at the end, a direction that
    separates all pictures from the cells.
    """

    def __init__(self, model: UnitModel, low: Tensor, high: Tensor) -> None:
        self._model = model
        self._low, self._high = low, high
        ends = [m.rounding() for m in model.maps]
        colour = 0.5 if model.region.layout.color_space == "ycbcr" else 0.0
        self._least = torch.cat([a for a, _ in ends]).float() - colour
        self._most = torch.cat([b for _, b in ends]).float() + colour
        self._step = self._steps()

    def __call__(self, quantized: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Gaps (M, K) from pictures to cells of integers (M, K), smaller and smaller.

        Each is yielded with a mask (M) to which the caller says which units go on: False drops one.
        """
        model = self._model
        cell = Cell(quantized, model.steps)
        centre = model.pixel_change(cell.quantized * model.steps)
        pixels = (centre + 128).clamp_(self._low, self._high)
        rounding = torch.zeros_like(quantized)
        before, speed = (pixels, rounding), 1.0
        for rounds in _LOOKS:
            for _ in range(rounds):
                gap = self._gap(cell, pixels, rounding)
                to_pixels, to_samples = self._back(gap)
                now = (
                    (pixels + self._step * to_pixels).clamp_(self._low, self._high),
                    (rounding + to_samples / 2).minimum(self._most).maximum(self._least),
                )
                faster = (1 + (1 + 4 * speed**2) ** 0.5) / 2
                push = (speed - 1) / faster
                pixels, rounding = (a + push * (a - b) for a, b in zip(now, before, strict=True))
                before, speed = now, faster
            on = torch.ones(len(quantized), dtype=torch.bool, device=quantized.device)
            yield self._gap(cell, *before), on
            cell = cell.select(on)
            pixels, rounding, quantized = pixels[on], rounding[on], quantized[on]
            before = (before[0][on], before[1][on])
            if not len(quantized):
                return

    def _gap(self, cell: Cell, pixels: Tensor, rounding: Tensor) -> Tensor:
        values = self._model.coefficients(pixels)
        matrix = dct_matrix(values.device, values.dtype).T
        values += (rounding.reshape(-1, 64) @ matrix).view(values.shape)
        return cell.clamp(values, -_DCT_ROUNDING).sub_(values)

    def _back(self, gap: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients towards pixels (M, C, P) and rounding (M, K)."""
        matrix = dct_matrix(gap.device, gap.dtype)
        samples = (gap.reshape(-1, 64) @ matrix).view(gap.shape)
        weights = self._model.component_weights(self._model.split(samples))
        return self._model.pixel_weights(weights), samples

    def _steps(self) -> Tensor:
        """Steps (C, P) towards pixels, and half a step towards the rounding, that cannot overshoot.

        Diagonal majorization: samples are sums of weights that add up to 1 in pixels, in channels
        (in absolute value) and in rounding, so that each of the two has half of them.
        """
        model = self._model
        eye = torch.eye(model.region.layout.channels, device=model.device)[:, :, None]
        mix = change_before_rounding(eye, model.region.layout)[:, :, 0].abs()
        ones = [torch.ones(1, len(m.bias), device=model.device) for m in model.maps]
        return 0.5 / (mix @ model.component_weights(ones)[0]).clamp(min=_SMALL)
