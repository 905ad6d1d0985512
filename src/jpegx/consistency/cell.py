"""The cell: the box of DCT coefficients that a file's quantized coefficients allow."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cell:
    """Cells of many coefficients at once, all in DCT units (not divided by the step).

    ``quantized``: the file's integers as floats, any shape. ``steps``: quantization steps, same
    shape or broadcast to it. ``slack``: steps by which cells are wider at each wall, for what is
    said of the source of an encoder that does not simply round.
    """

    quantized: Tensor
    steps: Tensor
    slack: float = 0.0

    def clamp(self, values: Tensor, margin: Tensor | float = 0.0) -> Tensor:
        """The nearest values inside the cell: Eq. 11 of Man et al. 2022, in DCT units.

        ``margin``: how far to stay inside each wall, 0 to half a step.
        """
        center = self.quantized * self.steps
        room = self.steps * (0.5 + self.slack) - margin
        return torch.maximum(torch.minimum(values, center + room), center - room)

    def excess(self, scaled: Tensor) -> Tensor:
        """How far libjpeg's integers are from rounding to the file's own, in DCT units; 0 inside.

        ``scaled``: integers of libjpeg's DCT, 8 times a coefficient. A half rounds away from zero,
        so the wall next to zero belongs to the cell and the far one does not.
        """
        off = torch.addcmul(scaled, self.quantized, self.steps * 8, value=-1)
        outwards = off * self.quantized >= 0
        return off.abs_().sub_(self._half()).add_(outwards).clamp_(min=0).div_(8)

    def integers(self) -> tuple[Tensor, Tensor]:
        """The least and the largest of libjpeg's integers, 8 times a coefficient, in each cell."""
        center, half = self.quantized * self.steps * 8, self._half()
        low = (center - half).add_(self.quantized <= 0)
        high = (center + half).sub_((self.quantized >= 0).to(center.dtype))
        return low, high

    def _half(self) -> Tensor:
        """How far the walls are from the centre, in libjpeg's integers."""
        half = self.steps * 4
        return half + (8 * self.slack * self.steps).floor() if self.slack else half

    def select(self, units: Tensor) -> "Cell":
        """The cells of some of the units (first dimension), by mask or index."""
        return Cell(self.quantized[units], self.steps, self.slack)
