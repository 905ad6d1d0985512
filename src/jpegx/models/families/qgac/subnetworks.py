"""The networks of Ehrlich et al. 2020: luma by four subnetworks, and chroma guided by it."""

from collections.abc import Sequence
from math import log2
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.families.qgac.block_layers import ParametricRelu, Rrdb, beside
from jpegx.models.families.qgac.filter_manifold import FilterManifold
from jpegx.models.families.qgac.frequency_layers import (
    FrequencyConv,
    FrequencyRrdb,
    from_planes,
    to_planes,
)
from jpegx.models.families.qgac.qgac_config import QgacConfig


class BlockNet(nn.Module):
    """Fig. 5: each block as a vector, which its neighbours correct, and back to coefficients."""

    def __init__(self, config: QgacConfig, inputs: int) -> None:
        super().__init__()
        wide, sizes = config.features, (config.manifold, config.tables)
        self.blocks = FilterManifold(inputs, wide, *sizes)
        self.active = ParametricRelu()
        self.trunk = nn.Sequential(*(Rrdb(wide, config.growth) for _ in range(config.layers)))
        self.unblock = FilterManifold(wide, config.between, *sizes, transposed=True)
        self.last = ParametricRelu()

    def forward(self, values: Tensor, tables: Tensor) -> Tensor:
        """(N, 64 * between, h, w) of coefficients (N, 64 * inputs, h, w)."""
        features = self.trunk(self.active(self.blocks(values, tables)))
        result: Tensor = self.last(self.unblock(features, tables))
        return result


class FrequencyNet(nn.Module):
    """Fig. 6: each frequency as a picture of its own, which no other is mixed into."""

    def __init__(self, config: QgacConfig, inputs: int) -> None:
        super().__init__()
        few = config.per_frequency
        self.first = FrequencyConv(inputs, few, gain=1.0)
        self.trunk = nn.ModuleList(FrequencyRrdb(few) for _ in range(config.layers))
        self.last = FrequencyConv(few, config.between, gain=1.0)

    def forward(self, values: Tensor) -> Tensor:
        """(N, 64 * between, h, w) of (N, 64 * inputs, h, w)."""
        planes = self.first.planes(to_planes(values, self.first.weight.dtype))
        for block in self.trunk:
            planes = cast("FrequencyRrdb", block).planes(planes)
        return from_planes(self.last.planes(planes))


class LumaNetwork(nn.Module):
    """Fig. 8: BlockNet, FrequencyNet, BlockNet, and the fusion of what the three give (Fig. 7).

    Its parts may be left out, as in the ablations of Table 5.
    """

    def __init__(self, config: QgacConfig) -> None:
        super().__init__()
        self.first = self.second = self.frequencies = None
        inputs = 1
        if config.has_blocks:
            self.first, inputs = BlockNet(config, inputs), config.between
        if config.has_frequencies:
            self.frequencies, inputs = FrequencyNet(config, inputs), config.between
        if config.has_blocks:
            self.second = BlockNet(config, inputs)
        given = config.between * (2 * config.has_blocks + config.has_frequencies)
        self.fuses = config.fusion
        few = config.fused or config.per_frequency
        self.fusion = Fusion(given if self.fuses else config.between, few)

    def forward(self, values: Tensor, tables: Tensor) -> Tensor:
        """The residual, (N, 64, h, w) as the coefficients, which are normalized; tables (N, 64)."""
        found: list[Tensor] = []
        for part in (self.first, self.frequencies, self.second):
            if part is not None:
                alone = part is self.frequencies
                values = part(values) if alone else part(values, tables)
                found.insert(0, values)
        if not self.fuses:
            found = found[:1]
        result: Tensor = self.fusion(found)
        return result


class Fusion(nn.ModuleList):
    """Fig. 7: of all that some subnetworks give, one channel of each frequency.

    ``inputs``: channels of each frequency of all of them; ``few``: those between the layers.
    """

    def __init__(self, inputs: int, few: int) -> None:
        super().__init__(
            [
                FrequencyConv(inputs, few, gain=0.1),
                FrequencyConv(few, few, gain=0.1),
                FrequencyConv(few, 1, active=False, gain=0.1),
            ]
        )
        with torch.no_grad():
            for number, layer in enumerate(self):
                _hand_on(cast("FrequencyConv", layer), balance=number == 2)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """(N, 64, h, w) of what subnetworks give, (N, 64 * channels, h, w) each."""
        dtype = self[0].get_parameter("weight").dtype
        planes = [plane for part in parts for plane in to_planes(part, dtype)]
        for layer in self:
            planes = cast("FrequencyConv", layer).planes(planes)
        return planes[0]


def _hand_on(layer: FrequencyConv, *, balance: bool) -> None:
    """Begin with what comes in first, channel by channel; ``balance``: the sum of + and - in turn.

    With random weights, so few channels of each frequency hand on little of what the last BlockNet
    learns, nor its gradients: training stands still for hundreds of steps.
    """
    outputs = layer.out_channels // layer.groups
    weight = layer.weight.unflatten(0, (layer.groups, outputs))[..., 1, 1]
    for channel in range(weight.shape[2]):
        if balance:
            weight[:, 0, channel] += (-1) ** channel
        elif channel < outputs:
            weight[:, channel, channel] += 1


class ColourNetwork(nn.Module):
    """Fig. 9: chroma at its own resolution, doubled, beside the restored luma; for Cb and for Cr.

    The paper's is made for 4:2:0. At other ratios the doubling is done as often as the larger one
    asks for, at least once, and what is too much of an axis is averaged: no new parameters.
    """

    def __init__(self, config: QgacConfig) -> None:
        super().__init__()
        few, sizes = config.chroma, (config.manifold, config.tables)
        self.blocks = FilterManifold(1, few, *sizes)
        self.blocks_active = ParametricRelu()
        self.coarse = nn.Sequential(*(Rrdb(few, few) for _ in range(config.layers)))
        self.doubler = nn.ConvTranspose2d(few, few, 4, stride=2, padding=1)
        # He's: each block of the doubled grid sees four of the 16 weights.
        bound = (6 / (4 * few)) ** 0.5
        nn.init.uniform_(self.doubler.weight, -bound, bound)
        self.doubler_active = ParametricRelu()
        self.luma = FilterManifold(1, few, *sizes)
        self.luma_active = ParametricRelu()
        self.fine = nn.Sequential(*(Rrdb(2 * few, 2 * few) for _ in range(config.layers)))
        self.unblock = FilterManifold(2 * few, 1, *sizes, transposed=True)

    def forward(
        self,
        values: Tensor,
        tables: Tensor,
        luma: Tensor,
        luma_tables: Tensor,
        reduction: tuple[int, int],
    ) -> Tensor:
        """The residual (N, 64, h, w) on the grid of luma.

        ``values``: normalized coefficients of chroma (N, 64, ...), ``luma``: those of the restored
        luma, (N, 64, h, w), with their tables (N, 64). ``reduction``: pixels (across, down) of a
        sample of chroma, powers of 2.
        """
        height, width = luma.shape[2:]
        chroma = self.coarse(self.blocks_active(self.blocks(values, tables)))
        times = max(1, round(log2(max(reduction))))
        for _ in range(times):
            chroma = self.doubler_active(self.doubler(chroma))
        surplus = (2**times // reduction[1], 2**times // reduction[0])
        if surplus != (1, 1):
            chroma = F.avg_pool2d(chroma, surplus)
        guide = self.luma_active(self.luma(luma, luma_tables))
        both = beside(chroma[:, :, :height, :width], guide)
        result: Tensor = self.unblock(self.fine(both), tables)
        return result
