"""Proofs that no 8-bit picture can give a unit's coefficients, before any search for one.

Cameras encode Y, Cb and Cr of their own, not of an RGB picture, and other encoders fill up the
blocks at the right and lower edge in their own way. What they write can lie outside of all that
libjpeg makes from 8-bit pictures. That is proven, not guessed, by a separating direction:

The coefficients of a unit are a linear map of its pixels, up to four roundings of libjpeg, each of
which is bounded: of the colour conversion (half a level), of the mean that a down-sampled sample is
(less than a level, by how many pixels it has), and of the two passes of the integer DCT (half a
unit each; none where a pass only adds and shifts). So for any direction r in the space of the
coefficients, the largest r . coefficients that any picture can have is a sum over its pixels, which
are between 0 and 255, plus the largest effect of the roundings. If it is less than the least
r . coefficients in the file's cells, no picture meets the cells (Farkas). Any r may be tried; a bad
one proves nothing.

Tried are, first, means of colours: over the whole unit, its halves, its quarters and the footprint
of each chroma sample, along the 15 axes that can separate a box (of the mean Y, Cb, Cr) from a
parallelepiped (the RGB cube); then the gap that is left when pictures are brought as near to the
cells as they come (:class:`LeastGap`); and, for few units, the exact gap (:func:`gaps`).
"""

from dataclasses import replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.closest_picture import gaps
from jpegx.consistency.colour_sums import ColourSums
from jpegx.consistency.least_gap import LeastGap
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_before_rounding
from jpegx.jpeg.dct import islow_matrices, islow_rounds
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.mcu import Region

NONE, GAMUT, PADDING = 0, 1, 2
_NEAR = 0.01  # DCT units: a gap that is as good as none
# Sums of some thousand products of numbers below 2**17 in 53 bits.
_TOLERANCE = 1e-4
_ABSENT = 1e6  # step of a coefficient that the file does not have
_ANYTHING = 1e4  # gray levels that no sample of a file comes near


class Certificates:
    """Proofs for the units of one region.

    ``free``: mask (P) of pixels that may be anything, not only 0 to 255.
    """

    def __init__(self, model: UnitModel, free: Tensor | None = None) -> None:
        self._model = model
        self._is_bounded = model.region.layout.color_space == "ycbcr"
        self._free = free
        self._low = torch.zeros(1, device=model.device)
        self._high = torch.full((1,), 255.0, device=model.device)
        if free is not None:
            self._is_bounded = False
            self._low = torch.where(free, -_ANYTHING, self._low)
            self._high = torch.where(free, _ANYTHING, self._high)

    def causes(self, quantized: Tensor, *, certify: bool = False) -> Tensor:
        """Why no 8-bit picture meets units with the integers (M, K): int8 (M).

        GAMUT: no RGB picture has these colours, whatever is beyond the edge. PADDING: none whose
        last pixels are repeated beyond the edge. NONE: nothing is proven. ``certify``: look for the
        exact gap of each unit, which takes some 0.1 s (``certainty_cost``).
        """
        causes = torch.zeros(len(quantized), dtype=torch.int8, device=quantized.device)
        impossible = self.impossible(quantized, certify=certify)
        if self._unpadded is None:
            causes[impossible] = GAMUT
            return causes
        causes[impossible] = PADDING
        certificates, index = self._unpadded
        which = impossible.nonzero().squeeze(1)
        whole = quantized.new_zeros(len(which), certificates._model.steps.numel())
        whole[:, index] = quantized[which]
        if len(which):
            causes[which[certificates.impossible(whole, certify=certify)]] = GAMUT
        return causes

    def impossible(self, quantized: Tensor, *, certify: bool = False) -> Tensor:
        """Mask (M) of the units that a separating direction was found for."""
        found = self._means_outside(quantized)
        left = (~found).nonzero().squeeze(1)
        if len(left):
            for gap, on in self._gaps(quantized[left]):
                apart = self.separate(gap, quantized[left])
                found[left[apart]] = True
                on &= ~apart & (gap.abs().amax(dim=1) > _NEAR)
                left = left[on]
        if certify:
            for unit in (~found).nonzero().squeeze(1):
                wanted = quantized[unit]
                for gap in gaps(self._model, wanted, self._low, self._high):
                    if self.separate(gap[None], wanted[None])[0]:
                        found[unit] = True
                        break
        return found

    def separate(self, directions: Tensor, quantized: Tensor) -> Tensor:
        """Mask (M) of the units whose cells are beyond all pictures in their direction (M, K)."""
        r = directions.double()
        low, high = Cell(quantized.double(), self._model.steps.double()).integers()
        least = (torch.where(r > 0, low, high) * r).sum(dim=1)
        least -= _TOLERANCE * r.abs().sum(dim=1)
        most, colours = self._parts(r)
        loose, real = colours.most()
        apart = least > most + loose
        near = (~apart & (least > most + real)).nonzero().squeeze(1)
        if len(near) and self._is_bounded:
            apart[near] = least[near] > most[near] + colours.select(near).tight()
        return apart

    def _means_outside(self, quantized: Tensor) -> Tensor:
        free = None if self._free is None else tuple(self._free.tolist())
        directions, most = _means(self._model.region.alone, self._model.device, free)
        low, high = Cell(quantized.double(), self._model.steps.double()).integers()
        middle, half = (low + high) / 2, (high - low) / 2
        outside = torch.zeros(len(quantized), dtype=torch.bool, device=quantized.device)
        for r, bound in zip(directions.split(512), most.split(512), strict=True):
            outside |= (middle @ r.T - half @ r.abs().T > bound).any(dim=1)
        return outside

    @cached_property
    def _gaps(self) -> LeastGap:
        return LeastGap(self._model, self._low, self._high)

    def means(self) -> tuple[Tensor, Tensor]:
        """Directions (R, K) of means of colours, and the most that pictures have along them (R)."""
        prints = self._footprints()
        axes = _axes(self._model.region.layout).to(self._model.device)
        rows, columns = islow_matrices(self._model.device)
        inverse = torch.linalg.inv(rows @ columns).T
        parts = []
        for c, part in enumerate(prints):
            spectrum = (part.reshape(-1, 64) @ inverse).view(part.shape)
            parts.append((axes[:, None, c, None] * spectrum).flatten(0, 1))
        directions = torch.cat(parts, dim=1)
        directions = torch.cat((directions, -directions))
        return directions, self.most(directions) + _TOLERANCE * directions.abs().sum(dim=1)

    def _footprints(self) -> list[Tensor]:
        """Weights of the samples of each component in means over parts of the unit, (F, K)."""
        whole = torch.ones(8, 8)
        halves = torch.zeros(8, 8)
        halves[:, :4] = 1
        quarters = torch.zeros(8, 8)
        quarters[:4, :4] = 1
        shapes = [whole, halves, 1 - halves, halves.T, 1 - halves.T]
        shapes += [quarters.flip(dims) for dims in ((), (0,), (1,), (0, 1))]
        shapes += list(torch.eye(64).view(64, 8, 8))
        grid = torch.stack(shapes).double().to(self._model.device)
        factors = self._model.region.layout.factors
        present = torch.ones(8, 8, dtype=torch.bool)
        for (h, v), m in zip(factors, self._model.maps, strict=True):
            present[8 * m.block_rows // v :] = False
            present[:, 8 * m.block_columns // h :] = False
        held = present.to(grid.device)
        grid[0] = held
        grid = grid[(grid * ~held).sum(dim=(1, 2)) == 0]
        grid = grid / grid.sum(dim=(1, 2), keepdim=True)
        parts = []
        for (h, v), m in zip(factors, self._model.maps, strict=True):
            fine = grid.repeat_interleave(v, dim=1).repeat_interleave(h, dim=2) / (h * v)
            fine = fine[:, : 8 * m.block_rows, : 8 * m.block_columns]
            blocks = fine.unflatten(2, (-1, 8)).unflatten(1, (-1, 8)).transpose(2, 3)
            parts.append(blocks.reshape(len(grid), -1))
        return parts

    def most(self, directions: Tensor, weights: Tensor | None = None) -> Tensor:
        """The largest scalar product (M) of libjpeg's integers of any picture with directions.

        ``weights`` (M, K): of its samples, the weighted sum of which is added.
        """
        most, colours = self._parts(directions, weights)
        return most + colours.most()[0]

    def _parts(
        self, directions: Tensor, weights: Tensor | None = None
    ) -> tuple[Tensor, ColourSums]:
        """That, but for what depends on the colours of pixels, (M), and the sums of these."""
        model = self._model
        rows, columns = islow_matrices(model.device)
        of_rows, of_all = islow_rounds(model.device)
        most = directions.new_zeros(len(directions))
        samples = []
        added = None if weights is None else model.split(weights)
        for c, (part, m) in enumerate(zip(model.split(directions), model.maps, strict=True)):
            blocks = part.reshape(-1, 64)
            middle = blocks @ columns.T
            samples.append((middle @ rows.T).view(part.shape))
            most -= 128 * samples[-1].sum(dim=1)
            if added is not None:
                samples[-1] = samples[-1] + added[c]
            first, which = m.distinct_rows
            # What is rounded in a repeated row is rounded in the same way.
            once, means = (
                most.new_zeros(len(part), len(first)).index_add_(1, which, t.view(part.shape))
                for t in (middle, samples[-1])
            )
            rounding = once.abs().unflatten(1, (-1, 8)).sum(dim=1) @ of_rows
            rounding += (blocks.abs() @ of_all).view(len(part), -1).sum(dim=1)
            least, largest = (ends[first] for ends in m.rounding())
            most += rounding / 2 + torch.maximum(means * least, means * largest).sum(dim=1)
        components = model.component_weights(samples)
        pixels = model.pixel_weights(components)
        return most, ColourSums(model.region.layout, components, pixels, self._low, self._high)

    @cached_property
    def _unpadded(self) -> "tuple[Certificates, Tensor] | None":
        """Proofs for the whole unit, with any pixels beyond the edge, and where our K are in it.

        None for units that lie inside the image.
        """
        region = self._model.region
        layout = region.layout
        width, height = layout.mcu_size
        if (region.width, region.height) == (width, height):
            return None
        tables = [part[:64].view(8, 8) for part in self._model.split(self._model.steps)]
        whole = replace(region, height=height, width=width).alone
        model = UnitModel(whole, tables, self._model.device)
        beyond = torch.ones(1, 1, height, width, dtype=torch.bool, device=self._model.device)
        beyond[:, :, : region.height, : region.width] = False
        index, start = [], 0
        for (h, v), m in zip(layout.factors, self._model.maps, strict=True):
            blocks = torch.arange(h * v).view(v, h)[: m.block_rows, : m.block_columns].reshape(-1)
            index.append((blocks[:, None] * 64 + torch.arange(64)).view(-1) + start)
            start += 64 * h * v
        held = torch.cat(index).to(model.steps.device)
        steps = torch.full_like(model.steps, _ABSENT)
        steps[held] = model.steps[held]
        model.steps = steps
        return Certificates(model, whole.gather(beyond)[0, 0]), held


@lru_cache(maxsize=8)
def _means(
    unit: Region, device: torch.device, free: tuple[bool, ...] | None
) -> tuple[Tensor, Tensor]:
    """The means of :class:`Certificates`, for any steps: the same from file to file."""
    tables = [torch.ones(8, 8)] * len(unit.layout.factors)
    mask = None if free is None else torch.tensor(free, device=device)
    return Certificates(UnitModel(unit, tables, device), mask).means()


def _axes(layout: Layout) -> Tensor:
    """Axes (A, C) that can separate a box of components from the colours of 8-bit pictures."""
    eye = torch.eye(len(layout.factors), dtype=torch.float64)
    if layout.color_space != "ycbcr":
        return eye
    edges = change_before_rounding(eye[:, :, None].float(), layout)[:, :, 0].double()
    faces = torch.linalg.inv(edges).T
    crosses = torch.linalg.cross(eye[:, None].expand(3, 3, 3), edges[None].expand(3, 3, 3))
    axes: Tensor = torch.cat((eye, faces, crosses.reshape(9, 3)))
    return axes.div(axes.norm(dim=1, keepdim=True))
