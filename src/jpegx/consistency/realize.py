"""8-bit pixels whose components are wanted whole numbers.

A whole-numbered Y, Cb, Cr inside the RGB cube is what libjpeg makes of about four RGB pixels, all
within one level of the real-valued inverse in each channel. The samples of a down-sampled component
are means of several pixels: what one of them misses, the next of the same sample makes up for.
"""

from itertools import product

import torch
from torch import Tensor

from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import to_components, to_integer_components, to_pixels
from jpegx.jpeg.component_map import ComponentMap
from jpegx.jpeg.mcu import Region

# A component of one pixel a sample has to be hit; of others the mean of the pixels has to.
_EXACT = 100.0
_NEAREST = 1e-3  # price of a squared level of distance from the real-valued pixels


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
        self._moves = torch.tensor(list(product((0, -1, 1), repeat=channels)), device=model.device)

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
        price = torch.tensor(weights, device=pixels.device)[:, None, None]
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
        layout = self._model.region.layout
        base = to_pixels(aim, layout).round_().clamp_(0, 255)
        best, least, got = base, None, base
        for move in self._moves:
            tried = (base + move[:, None]).clamp_(0, 255)
            have = to_integer_components(tried, layout).sub_(128)
            cost = ((have - aim).square_() * price[None, :, 0]).sum(dim=1)
            cost += (tried - near).square_().sum(dim=1) * _NEAREST
            if least is None:
                best, least, got = tried, cost, have
                continue
            better = (cost < least)[:, None]
            best = torch.where(better, tried, best)
            got = torch.where(better, have, got)
            least = torch.minimum(least, cost)
        return best, got


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
