"""Layers on the grid of blocks: the activation, convolutions of frequencies, dense blocks."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.fused import conv_relu
from jpegx.models.layers import begin_as_he

FREQUENCIES = 64
_RESIDUAL = 0.2  # of dense blocks and what they stand in, as in ESRGAN
_ENOUGH = 16  # channels of a group, below which a CPU computes groups slowly


class ParametricRelu(nn.Module):
    """PReLU with one slope, 0.25 at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((1,), 0.25))

    def forward(self, values: Tensor) -> Tensor:
        """The values, those below 0 times the slope; in place where no gradients are wanted."""
        if torch.is_grad_enabled():
            result: Tensor = _Prelu.apply(values, self.slope)  # type: ignore[no-untyped-call]
            return result
        return F.leaky_relu(values, self.slope.item(), inplace=True)


class _Prelu(torch.autograd.Function):
    """PyTorch's own, whose gradient of the slope is a whole map before it is summed up."""

    @staticmethod
    def forward(context: Any, values: Tensor, slope: Tensor) -> Tensor:  # noqa: ANN401
        context.save_for_backward(values, slope)
        return F.leaky_relu(values, slope.item())

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        values, slope = context.saved_tensors
        own = (gradient * values.clamp(max=0)).sum(dtype=torch.float32)
        change = torch.ops.aten.leaky_relu_backward(gradient, values, slope.item(), False)
        return change, own.to(slope.dtype).reshape(1)


class BlockConv(nn.Conv2d):
    """3x3 on the grid of blocks, then PReLU, or for frequencies ``alone`` within each of them.

    Features (N, channels, h, w); ``alone``: (N, 64 * channels, h, w), frequency-major.
    """

    def __init__(
        self, inputs: int, outputs: int, *, alone: bool = False, active: bool = True, gain: float
    ) -> None:
        groups = FREQUENCIES if alone else 1
        super().__init__(groups * inputs, groups * outputs, 3, padding=1, groups=groups)
        begin_as_he(self, gain)
        self.active = ParametricRelu() if active else None
        # Groups that are computed as one, in which weights from one to another are 0.
        self.merged = 1
        while alone and self.merged < groups and self.merged * min(inputs, outputs) < _ENOUGH:
            self.merged *= 2

    def forward(self, features: Tensor) -> Tensor:
        """Features of as many channels as there are outputs."""
        assert self.bias is not None
        if self.groups == 1 and self.active is not None and not torch.is_grad_enabled():
            return conv_relu(features, self.weight, self.bias, self.active.slope.item())
        groups = self.groups // self.merged
        result = F.conv2d(features, self._merged(), self.bias, padding=1, groups=groups)
        return result if self.active is None else self.active(result)

    def _merged(self) -> Tensor:
        if self.merged == 1:
            return self.weight
        each: Tensor = self.weight.unflatten(0, (-1, self.merged, self.out_channels // self.groups))
        identity = torch.eye(self.merged, dtype=each.dtype, device=each.device)
        # From (group, merged, outputs, inputs, 3, 3) to (group, merged, outputs, merged, inputs, …)
        spread: Tensor = each[:, :, :, None] * identity[:, None, :, None, None, None]
        return spread.flatten(3, 4).flatten(0, 2)


class Rrdb(nn.Module):
    """Residual in residual dense block (ESRGAN): three dense blocks of five convolutions.

    Without normalization, a PReLU after each convolution, the last ones too. ``growth``: channels
    that each but the last adds. ``alone``: within each frequency.
    """

    def __init__(self, channels: int, growth: int, *, alone: bool = False) -> None:
        super().__init__()
        self.alone = alone
        self.dense = nn.ModuleList(
            nn.ModuleList(
                BlockConv(
                    channels + i * growth, growth if i < 4 else channels, alone=alone, gain=1.0
                )
                for i in range(5)
            )
            for _ in range(3)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        inner = features
        for convolutions in self.dense:
            assert isinstance(convolutions, nn.ModuleList)
            seen = inner
            for convolution in list(convolutions)[:-1]:
                seen = beside(seen, convolution(seen), alone=self.alone)
            inner = torch.add(inner, convolutions[-1](seen), alpha=_RESIDUAL)
        return torch.add(features, inner, alpha=_RESIDUAL)


def beside(*features: Tensor, alone: bool) -> Tensor:
    """The channels of some features, one after the other; ``alone``: those of each frequency."""
    last = [values.permute(0, 2, 3, 1) for values in features]
    if alone:
        last = [values.unflatten(3, (FREQUENCIES, -1)) for values in last]
    joined = torch.cat(last, dim=-1)
    return (joined.flatten(3) if alone else joined).permute(0, 3, 1, 2)
