"""Units on their way to exact 8-bit pixels, and the best found for each."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel

_MARGIN = 1.0  # DCT units; rounding noise has a standard deviation of 0.35
_WIDER = 0.25  # what a coefficient that missed gets on top of its miss
# No margin leaves less than these shares of a step on either side of the cell's centre.
_LEAST_ROOM, _START_ROOM = 0.05, 0.2


@dataclass
class Work:
    """Units that are not exact yet; all first dimensions are M.

    ``index``: their numbers in the region. ``target``: plain projection (Eq. 11) clipped to 0..255;
    ``pixels``: where the search for a target that survives rounding stands; ``best``: uint8 pixels
    with the least ``misses`` so far; all (M, C, P). ``quantized``, ``margin``: (M, K).
    """

    index: Tensor
    target: Tensor
    pixels: Tensor
    best: Tensor
    misses: Tensor
    quantized: Tensor
    margin: Tensor

    @classmethod
    def start(cls, model: UnitModel, pixels: Tensor, cell: Cell, first: int) -> "Work":
        """Work on real-valued pixels of units numbered from ``first``: Eq. 11, then a margin."""
        values = model.coefficients(pixels)
        plain = cell.clamp(values)
        projected = pixels + model.pixel_change(plain - values)
        room = model.steps * (0.5 - _START_ROOM)
        margin = room.clamp(max=_MARGIN).expand_as(values)
        shrunk = model.pixel_change(cell.clamp(plain, margin) - plain).add_(projected)
        return cls(
            index=torch.arange(first, first + len(pixels), device=pixels.device),
            target=projected.clamp_(0, 255),
            pixels=shrunk.clamp_(0, 255),
            best=torch.empty_like(pixels, dtype=torch.uint8),
            misses=torch.full((len(pixels),), model.steps.numel() + 1, device=pixels.device),
            quantized=cell.quantized,
            margin=margin,
        )

    @classmethod
    def join(cls, parts: Sequence["Work"]) -> "Work":
        """All parts in one."""
        names = [f.name for f in fields(cls)]
        return cls(**{n: torch.cat([getattr(p, n) for p in parts]) for n in names})

    def __len__(self) -> int:
        return len(self.index)

    def select(self, units: Tensor) -> "Work":
        """Some of the units, by mask or index."""
        return Work(*(getattr(self, f.name)[units] for f in fields(self)))

    def approach(self, model: UnitModel, rounds: int) -> None:
        """Alternating projections onto the shrunk cells and the 8-bit gamut."""
        cell = Cell(self.quantized, model.steps)
        for _ in range(rounds):
            values = model.coefficients(self.pixels)
            change = cell.clamp(values, self.margin).sub_(values)
            self.pixels = model.pixel_change(change).add_(self.pixels).clamp_(0, 255)

    def restart(self, model: UnitModel, margin: float) -> None:
        """Goes back to the target, with one margin, in DCT units, for all coefficients."""
        self.pixels = self.target.clone()
        room = model.steps * (0.5 - _LEAST_ROOM)
        self.margin = room.clamp(max=margin).expand_as(self.margin)

    def round(self, model: UnitModel) -> None:
        """Offers the rounded pixels; coefficients that miss get a wider margin for the next."""
        excess = self.offer(model, self.pixels.round())
        wider = self.margin + excess + (excess > 0) * _WIDER
        self.margin = torch.minimum(wider, model.steps * (0.5 - _LEAST_ROOM))

    def offer(self, model: UnitModel, pixels: Tensor) -> Tensor:
        """Keeps whole-numbered pixels (M, C, P) where they miss less than the best so far.

        Returns how far the coefficients are outside their cells, (M, K), in DCT units.
        """
        scaled = model.integer_coefficients(pixels)
        excess = Cell(self.quantized, model.steps).excess(scaled)
        misses = torch.count_nonzero(excess, dim=1)
        better = (misses < self.misses)[:, None, None]
        self.best = torch.where(better, pixels.to(torch.uint8), self.best)
        self.misses = torch.minimum(misses, self.misses)
        return excess

    def reachable(self, model: UnitModel) -> Tensor:
        """Mask (M) of the units for which the gamut and the cells seem to meet.

        They need not, if the file is damaged or another encoder filled up its edge blocks in its
        own way. Alternating projections then stay apart.
        """
        cell = Cell(self.quantized, model.steps)
        left = torch.ones(len(self), dtype=torch.bool, device=self.index.device)
        pixels = self.target
        for rounds, farthest in _REACH:
            if not left.any():
                break
            for _ in range(rounds):
                values = model.coefficients(pixels)
                change = cell.select(left).clamp(values).sub_(values)
                pixels = model.pixel_change(change).add_(pixels).clamp_(0, 255)
            far = change.abs().amax(dim=1) > farthest
            left[left.nonzero().squeeze(1)[far]] = False
            pixels = pixels[~far]
        return left


# Alternating projections, and the distance in DCT units above which a unit is given up after them.
# Rounding of the components, half a level each, can make up for 4 at most.
_REACH = ((10, 32.0), (40, 8.0), (150, 4.0))
