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
# Projections that find what to give up; distances in DCT units.
_GIVE_UP_ROUNDS, _NEAR, _FAR = 60, 1.0, 0.5
_SHAKE = 0.7  # gray levels, the width of the range that a pixel is moved in
_STILL = 0.01  # DCT units: units that projections move by less have arrived


@dataclass
class Work:
    """Units that are not exact yet; all first dimensions are M.

    ``index``: their numbers in the region. ``target``: plain projection (Eq. 11) clipped to 0..255;
    ``pixels``: where the search for a target that survives rounding stands; ``best``: uint8 pixels
    with the least ``misses`` so far and, of these, the least distance ``beyond`` the cells; all
    (M, C, P). ``quantized``, ``margin``: (M, K); of coefficients that need not be met the margin is
    minus infinity. ``lacking``: what coefficients that missed lacked in the last rounding, (M, K).
    """

    index: Tensor
    target: Tensor
    pixels: Tensor
    best: Tensor
    misses: Tensor
    beyond: Tensor
    quantized: Tensor
    margin: Tensor
    lacking: Tensor

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
            beyond=torch.full((len(pixels),), torch.inf, device=pixels.device),
            quantized=cell.quantized,
            margin=margin,
            lacking=values.new_zeros(1).expand_as(values),
        )

    @classmethod
    def join(cls, parts: Sequence["Work"]) -> "Work":
        """All parts in one."""
        names = [f.name for f in fields(cls)]
        return cls(**{n: torch.cat([getattr(p, n) for p in parts]) for n in names})

    def __len__(self) -> int:
        return len(self.index)

    def select(self, units: Tensor) -> "Work":
        """Some of the units, by index."""
        return Work(*(getattr(self, f.name).index_select(0, units) for f in fields(self)))

    def shake(self, generator: torch.Generator) -> None:
        """Moves every pixel a little: whatever its cells leave free is rounded differently then.

        Rounding what was rounded before would miss again, and wider margins only go so far.
        """
        off = torch.rand(self.pixels.shape, generator=generator).to(self.pixels)
        self.pixels += off.sub_(0.5).mul_(_SHAKE)

    def approach(self, model: UnitModel, rounds: int) -> None:
        """Alternating projections onto the shrunk cells and the 8-bit gamut.

        Units that have arrived are left out: inside the gamut one projection is enough.
        """
        index = torch.arange(len(self), device=self.pixels.device)
        pixels, quantized, margin = self.pixels, self.quantized, self.margin
        for _ in range(rounds):
            values = model.coefficients(pixels)
            change = Cell(quantized, model.steps).clamp(values, margin).sub_(values)
            moving = (change.abs().amax(dim=1) > _STILL).nonzero().squeeze(1)
            if len(moving) < len(index):
                index, change, pixels, quantized, margin = (
                    t.index_select(0, moving) for t in (index, change, pixels, quantized, margin)
                )
                if not len(index):
                    return
            pixels = model.pixel_change(change).add_(pixels).clamp_(0, 255)
            self.pixels[index] = pixels

    def restart(self, model: UnitModel, margin: float) -> None:
        """Goes back to the target, with one margin, in DCT units, for all coefficients."""
        self.pixels = self.target.clone()
        room = model.steps * (0.5 - _LEAST_ROOM)
        self.margin = room.clamp(max=margin).expand_as(self.margin)

    def correct(self, model: UnitModel) -> None:
        """Adds to the pixels what coefficients lacked in the last rounding.

        Few pixels are rounded otherwise then: what was met mostly still is, at best whole blocks.
        """
        self.pixels = model.pixel_change(self.lacking).add_(self.pixels).clamp_(0, 255)

    def round(self, model: UnitModel) -> tuple[Tensor, Tensor]:
        """Offers the rounded pixels: see :meth:`offer`."""
        return self.offer(model, self.pixels.round())

    def offer(self, model: UnitModel, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Keeps whole-numbered pixels (M, C, P) where they miss less than the best so far.

        Returns libjpeg's integers for them, (M, K), and how far these are outside their cells.
        """
        scaled = model.integer_coefficients(pixels)
        excess = Cell(self.quantized, model.steps).excess(scaled)
        misses, beyond = torch.count_nonzero(excess, dim=1), excess.sum(dim=1)
        better = (misses < self.misses) | ((misses == self.misses) & (beyond < self.beyond))
        found = pixels.to(torch.uint8)
        self.best = found if better.all() else torch.where(better[:, None, None], found, self.best)
        self.misses = torch.minimum(misses, self.misses)
        self.beyond = torch.where(better, beyond, self.beyond)
        return scaled, excess

    def widen(self, model: UnitModel, scaled: Tensor, excess: Tensor) -> None:
        """Gives coefficients that missed in the last rounding a wider margin for the next.

        ``scaled``, ``excess``: what that has returned, of these units.
        """
        missed = excess > 0
        wider = self.margin + excess + missed * _WIDER
        self.margin = torch.minimum(wider, model.steps * (0.5 - _LEAST_ROOM))
        values = scaled / 8
        wanted = Cell(self.quantized, model.steps).clamp(values, self.margin)
        self.lacking = wanted.sub_(values).mul_(missed)

    def give_up(self, model: UnitModel) -> None:
        """Finds few coefficients without which the others can be met, and frees them.

        Alternating projections in which a coefficient pulls the less the farther it is from its
        cell: where cells and gamut do not meet, most of the distance then falls to few.
        """
        cell = Cell(self.quantized, model.steps)
        self.restart(model, 0.0)
        for _ in range(_GIVE_UP_ROUNDS):
            values = model.coefficients(self.pixels)
            change = cell.clamp(values).sub_(values)
            distance = change.abs()
            change *= _NEAR / (_NEAR + distance)
            self.pixels = model.pixel_change(change).add_(self.pixels).clamp_(0, 255)
        room = model.steps * (0.5 - _START_ROOM)
        margin = room.clamp(max=_MARGIN).expand_as(self.margin)
        self.margin = margin.masked_fill(distance > _FAR, -torch.inf)
