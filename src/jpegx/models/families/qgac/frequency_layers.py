"""Layers within each frequency, of which none is mixed into another.

So few channels of each of 64 frequencies are slow as a convolution in groups, on a CPU. They are
kept as planes, each one channel of all frequencies, (N, 64, h, w): convolved depthwise and added.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.families.qgac.block_layers import FREQUENCIES, RESIDUAL, ParametricRelu
from jpegx.models.layers import begin_as_he

Planes = list[Tensor]


class FrequencyConv(nn.Conv2d):
    """3x3 on the grid of blocks within each frequency, then PReLU.

    Its weights are those of a convolution in 64 groups, frequency-major.
    """

    def __init__(self, inputs: int, outputs: int, *, active: bool = True, gain: float) -> None:
        sizes = (FREQUENCIES * inputs, FREQUENCIES * outputs)
        super().__init__(*sizes, 3, padding=1, groups=FREQUENCIES)
        begin_as_he(self, gain)
        self.active = ParametricRelu() if active else None

    def planes(self, features: Planes) -> Planes:
        """As many planes as there are outputs, of as many as there are inputs.

        In the type of the weights, not in that of autocast, where depthwise nothing is to be won.
        """
        assert self.bias is not None
        weights = self.weight.unflatten(0, (FREQUENCIES, -1)).unbind(1)
        biases = self.bias.unflatten(0, (FREQUENCIES, -1)).unbind(1)
        with torch.autocast(self.weight.device.type, enabled=False):
            sums = [_sum(features, *each) for each in zip(weights, biases, strict=True)]
            return sums if self.active is None else [self.active(each) for each in sums]


def _sum(features: Planes, weight: Tensor, bias: Tensor) -> Tensor:
    """One plane of all: ``weight`` (64, inputs, 3, 3), ``bias`` (64)."""
    first, *others = weight.split(1, dim=1)
    total = F.conv2d(features[0], first, bias, padding=1, groups=FREQUENCIES)
    for plane, kernel in zip(features[1:], others, strict=True):
        # Nothing looks at what a sum was before, for gradients either.
        total.add_(F.conv2d(plane, kernel, padding=1, groups=FREQUENCIES))
    return total


class FrequencyRrdb(nn.Module):
    """Residual in residual dense block within each frequency: see :class:`Rrdb`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList(
            nn.ModuleList(FrequencyConv(channels * i, channels, gain=1.0) for i in range(1, 6))
            for _ in range(3)
        )

    def planes(self, features: Planes) -> Planes:
        """As many planes as there are."""
        inner = features
        for convolutions in self.dense:
            seen, last = list(inner), inner
            for convolution in cast("nn.ModuleList", convolutions):
                last = cast("FrequencyConv", convolution).planes(seen)
                seen += last
            inner = _add(inner, last)
        return _add(features, inner)


def _add(features: Planes, changes: Planes) -> Planes:
    pairs = zip(features, changes, strict=True)
    return [torch.add(own, change, alpha=RESIDUAL) for own, change in pairs]


def to_planes(values: Tensor, dtype: torch.dtype) -> Planes:
    """Planes in some type of features (N, 64 * channels, h, w), frequency-major."""
    last = values.permute(0, 2, 3, 1).unflatten(3, (FREQUENCIES, -1))
    apart = last.to(dtype).movedim(4, 0).contiguous()
    return [plane.permute(0, 3, 1, 2) for plane in apart]


def from_planes(planes: Sequence[Tensor]) -> Tensor:
    """The features (N, 64 * channels, h, w) that some planes are."""
    last = torch.stack([plane.permute(0, 2, 3, 1) for plane in planes], dim=-1)
    return last.flatten(3).permute(0, 3, 1, 2)
