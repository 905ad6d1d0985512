"""How near the pictures come to the cells of units, and in which direction the gap is."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_before_rounding, to_components
from jpegx.jpeg.dct import dct_matrix

# Alternating projections before the first look at the gap: where repeated pixels contradict the
# file, whatever they are, these are done at once.
_PROJECTIONS = 20
# Accelerated steps before each further look.
_LOOKS = (10, 20, 40, 80, 160, 320)
# What libjpeg's DCT rounds, in DCT units: half of an eighth after the second pass, and somewhat
# less that comes from the first.
_DCT_ROUNDING = 0.1
_SMALL = 1e-3  # what has less weight would get too large a step


@dataclass
class _Point:
    """Variables of units, first dimension M.

    ``pixels``; what rounding adds to their components, ``colour``; both (M, C, P); and to the means
    that samples are, ``mean`` (M, K).
    """

    pixels: Tensor
    colour: Tensor
    mean: Tensor

    def beyond(self, before: "_Point", push: float) -> "_Point":
        """The point that lies on from here, as far as a part of the last step."""
        return _Point(
            self.pixels + push * (self.pixels - before.pixels),
            self.colour + push * (self.colour - before.colour),
            self.mean + push * (self.mean - before.mean),
        )

    def select(self, units: Tensor) -> "_Point":
        return _Point(self.pixels[units], self.colour[units], self.mean[units])


class LeastGap:
    """Accelerated projected gradients (FISTA) on the squared distance from the cells.

    Pixels between ``low`` and ``high`` (one or (P)), and what rounding may do to their components
    and to the samples, are the variables. If there is a distance, the gap that is left is, at the
    end, a direction that separates all pictures from the cells.
    """

    def __init__(self, model: UnitModel, low: Tensor, high: Tensor) -> None:
        self._model = model
        self._low, self._high = low, high
        ends = [m.rounding() for m in model.maps]
        self._colour = 0.5 if model.region.layout.color_space == "ycbcr" else 0.0
        self._least = torch.cat([a for a, _ in ends]).float()
        self._most = torch.cat([b for _, b in ends]).float()
        # Steps that cannot overshoot, by diagonal majorization: samples are sums of weights that
        # add up to 1 (in absolute value) in each of the three kinds of variables.
        eye = torch.eye(model.region.layout.channels, device=model.device)[:, :, None]
        mix = change_before_rounding(eye, model.region.layout)[:, :, 0].abs()
        ones = [torch.ones(1, len(m.bias), device=model.device) for m in model.maps]
        weights = model.component_weights(ones)[0]
        self._to_pixels = 1 / (3 * mix @ weights).clamp(min=_SMALL)
        self._to_colour = 1 / (3 * weights).clamp(min=_SMALL)

    def __call__(self, quantized: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Gaps (M, K) from pictures to cells of integers (M, K), smaller and smaller.

        Each is yielded with a mask (M) to which the caller says which units go on: False drops one.
        """
        model = self._model
        cell = Cell(quantized, model.steps)
        centre = model.pixel_change(cell.quantized * model.steps)
        pixels = (centre + 128).clamp_(self._low, self._high)
        now = _Point(pixels, torch.zeros_like(pixels), torch.zeros_like(quantized))
        for _ in range(_PROJECTIONS):
            change = model.pixel_change(self._gap(cell, now))
            now.pixels = change.add_(now.pixels).clamp_(self._low, self._high)
        ahead, speed = now, 1.0
        for rounds in (0, *_LOOKS):
            for _ in range(rounds):
                before, now = now, self._step(cell, ahead)
                faster = (1 + (1 + 4 * speed**2) ** 0.5) / 2
                ahead, speed = now.beyond(before, (speed - 1) / faster), faster
            on = torch.ones(len(cell.quantized), dtype=torch.bool, device=quantized.device)
            yield self._gap(cell, now), on
            if not on.any():
                return
            cell, now, ahead = cell.select(on), now.select(on), ahead.select(on)

    def _gap(self, cell: Cell, point: _Point) -> Tensor:
        components = to_components(point.pixels, self._model.region.layout) + point.colour
        values = self._model.component_coefficients(components)
        matrix = dct_matrix(values.device, values.dtype).T
        values += (point.mean.reshape(-1, 64) @ matrix).view(values.shape)
        return cell.clamp(values, -_DCT_ROUNDING).sub_(values)

    def _step(self, cell: Cell, point: _Point) -> _Point:
        gap = self._gap(cell, point)
        samples = (gap.reshape(-1, 64) @ dct_matrix(gap.device, gap.dtype)).view(gap.shape)
        colour = self._model.component_weights(self._model.split(samples))
        pixels = self._model.pixel_weights(colour)
        limit = self._colour
        return _Point(
            (point.pixels + self._to_pixels * pixels).clamp_(self._low, self._high),
            (point.colour + self._to_colour * colour).clamp_(-limit, limit),
            (point.mean + samples / 3).minimum(self._most).maximum(self._least),
        )
