"""8-bit pixels whose components are wanted whole numbers.

A whole-numbered Y, Cb, Cr inside the RGB cube is what libjpeg makes of about four RGB pixels, all
within one level of the real-valued inverse in each channel. The samples of a down-sampled component
are means of several pixels: what one of them misses, the next of the same sample makes up for.
"""

from itertools import product

import torch
from torch import Tensor

from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import (
    before_rounding,
    change_before_rounding,
    to_components,
    to_integer_components,
    to_pixels,
)
from jpegx.jpeg.component_map import ComponentMap
from jpegx.jpeg.mcu import Region

# A component of one pixel a sample has to be hit; of others the mean of the pixels has to.
_EXACT = 100.0
_NEAREST = 1e-3  # price of a squared level of distance from the real-valued pixels
_NEVER = 1e9
_AT_ONCE = 1 << 14  # pixels: their tensors stay in the cache


class Realizer:
    """Finds pixels for the samples of the units of one region."""

    def __init__(self, model: UnitModel) -> None:
        self._model = model
        region = model.region
        across, down = region.layout.max_factors
        place = torch.arange(region.height)[:, None] % down * across
        place = (place + torch.arange(region.width) % across).to(model.device)
        one = Region(region.layout, range(1), range(1), region.height, region.width)
        order = one.gather(place[None, None])[0, 0]
        # Backwards: past the edge the last pixel is a sample of its own, and must be met first.
        phases = [(order == p).nonzero().squeeze(1) for p in reversed(range(across * down))]
        self._phases = [phase for phase in phases if len(phase)]
        self._groups = [_Group(m) if m.pixels_per_sample > 1 else None for m in model.maps]
        channels = region.layout.channels
        moves = torch.tensor(list(product((0, -1, 1), repeat=channels)), device=model.device)
        self._moves = moves.float()
        self._changes = change_before_rounding(moves[:, :, None], region.layout)[:, :, 0]

    def __call__(self, pixels: Tensor, samples: list[Tensor]) -> Tensor:
        """Whole-numbered pixels (M, C, P) near real-valued ones (M, C, P).

        ``samples``: per component the wanted whole numbers (M, S), variables as
        ``UnitModel.variables`` has them.
        """
        layout = self._model.region.layout
        now = to_components(pixels, layout)
        wanted, weights = [], []
        for c, (m, group, given) in enumerate(
            zip(self._model.maps, self._groups, samples, strict=True)
        ):
            if group is None:
                wanted.append(given - 128)
            else:
                mean = m.samples(now[:, c])
                target = (given + group.middle)[:, group.which] - 128
                wanted.append(now[:, c] + m.pixels(target - mean))
            weights.append(_EXACT if group is None else 1.0)
        target = torch.stack(wanted, dim=1)
        price = torch.tensor(weights, device=pixels.device)
        owed = [None if g is None else pixels.new_zeros(len(pixels), g.count) for g in self._groups]
        out = torch.empty_like(pixels)
        for phase in self._phases:
            aim = target[:, :, phase].clone()
            for c, (group, debt) in enumerate(zip(self._groups, owed, strict=True)):
                if group is not None and debt is not None:
                    aim[:, c] += debt[:, group.of_pixel[phase]] / group.weight[phase]
            chosen, got = self._nearest(aim, pixels[:, :, phase], price)
            out[:, :, phase] = chosen
            for c, (group, debt) in enumerate(zip(self._groups, owed, strict=True)):
                if group is not None and debt is not None:
                    debt += (target[:, c, phase] - got[:, c]) @ group.sums[:, phase].T
        return out

    def _nearest(self, aim: Tensor, near: Tensor, price: Tensor) -> tuple[Tensor, Tensor]:
        """The best pixels (M, C, F) for components (M, C, F) centred on 0, and what they have."""
        units, channels, count = aim.shape
        # Channels first: matrix products of a few rows are quick on long ones only.
        aims, nears = (t.transpose(0, 1).reshape(channels, -1) for t in (aim, near))
        parts = zip(aims.split(_AT_ONCE, dim=1), nears.split(_AT_ONCE, dim=1), strict=True)
        chosen = torch.cat([self._nearest_of(*part, price) for part in parts], dim=1)
        got = to_integer_components(chosen[None], self._model.region.layout)[0] - 128
        back = channels, units, count
        return chosen.view(back).transpose(0, 1), got.view(back).transpose(0, 1)

    def _nearest_of(self, aim: Tensor, near: Tensor, price: Tensor) -> Tensor:
        """The best pixels (C, N) for components (C, N) centred on 0."""
        layout = self._model.region.layout
        base = to_pixels(aim[None], layout)[0].round_().clamp_(0, 255)
        before, goal = before_rounding(base[None], layout)[0], aim + 128
        moves = self._moves
        extra = (moves @ (base - near)).mul_(2).add_(moves.square().sum(dim=1, keepdim=True))
        extra *= _NEAREST
        for wall, outwards in ((0, moves < 0), (255, moves > 0)):
            at = base == wall
            if at.any():
                extra += (outwards.to(base) @ at.to(base)) * _NEVER
        least = torch.full_like(extra[0], torch.inf)
        which = torch.zeros_like(least, dtype=torch.int64)
        for number, change in enumerate(self._changes):
            miss = (before + change[:, None]).floor_().sub_(goal).square_()
            cost = torch.addmv(extra[number], miss.T, price)
            which.masked_fill_(cost < least, number)
            least = torch.minimum(cost, least)
        return base + moves.T[:, which]


class _Group:
    """Which pixels the samples of a down-sampled component are means of."""

    def __init__(self, unit_map: ComponentMap) -> None:
        distinct, self.which = unit_map.groups
        count = unit_map.pixels_per_sample
        self.count = len(distinct)
        bias = torch.empty(len(distinct), device=self.which.device)
        bias[self.which] = unit_map.bias.float()
        # libjpeg rounds down (sum + bias) / count: the middle of the sums that give one sample.
        self.middle = ((count - 1) / 2 - bias) / count
        self.sums = distinct.float()
        # A pixel that is repeated past the edge serves the sample that it has most weight in.
        self.weight, self.of_pixel = self.sums.max(dim=0)
