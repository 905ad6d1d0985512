"""Layers on the grid of blocks: the activation, convolutions, dense blocks."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.fused import conv_relu
from jpegx.models.layers import begin_as_he

FREQUENCIES = 64
RESIDUAL = 0.2  # of dense blocks and what they stand in, as in ESRGAN


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
    """3x3 on the grid of blocks, then PReLU; features (N, channels, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        begin_as_he(self, 1.0)
        self.active = ParametricRelu()

    def forward(self, features: Tensor) -> Tensor:
        """Features of as many channels as there are outputs."""
        assert self.bias is not None
        if not torch.is_grad_enabled():
            return conv_relu(features, self.weight, self.bias, self.active.slope.item())
        result: Tensor = self.active(super().forward(features))
        return result


class Rrdb(nn.Module):
    """Residual in residual dense block (ESRGAN): three dense blocks of five convolutions.

    Without normalization, a PReLU after each convolution, the last ones too. ``growth``: channels
    that each but the last adds.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList(
            nn.ModuleList(
                BlockConv(channels + i * growth, growth if i < 4 else channels) for i in range(5)
            )
            for _ in range(3)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        inner = features
        for convolutions in self.dense:
            assert isinstance(convolutions, nn.ModuleList)
            # Convolutions of autocast would round all of it, each again.
            seen = inner.to(_computed(inner))
            for convolution in list(convolutions)[:-1]:
                seen = beside(seen, convolution(seen))
            inner = torch.add(inner, convolutions[-1](seen), alpha=RESIDUAL)
        return torch.add(features, inner, alpha=RESIDUAL)


def _computed(features: Tensor) -> torch.dtype:
    """The type that convolutions compute in."""
    device = features.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return features.dtype


def beside(*features: Tensor) -> Tensor:
    """The channels of some features, one after the other."""
    return torch.cat([values.permute(0, 2, 3, 1) for values in features], -1).permute(0, 3, 1, 2)
