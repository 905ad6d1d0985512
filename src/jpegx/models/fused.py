"""Convolutions that do what follows them in the same pass, where PyTorch can.

A pass over the feature maps of a large picture costs about half as much as a convolution of 64
features in bfloat16. oneDNN can apply a ReLU or add a map while it writes the result; PyTorch has
that for its own compiler alone, so whatever is missing falls back on separate passes.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

_ONES = [1, 1]  # padding, stride, dilation


def conv_relu(features: Tensor, weight: Tensor, bias: Tensor | None, slope: float = 0.0) -> Tensor:
    """A 3x3 convolution (N, c, h, w), padded with zeros, then a ReLU, leaky with a slope."""
    if _can_fuse(features, weight, bias):
        return _fused_relu(features, weight, bias, slope)
    result = F.conv2d(features, weight, bias, padding=1)
    return F.leaky_relu(result, slope, inplace=True) if slope else result.relu_()


def conv_add(features: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor) -> Tensor:
    """A 3x3 convolution (N, c, h, w), padded with zeros, plus another map of the same shape."""
    if _can_fuse(features, weight, bias, other):
        return _fused_add(features, weight, bias, other)
    return F.conv2d(features, weight, bias, padding=1).add_(other)


def _can_fuse(features: Tensor, weight: Tensor, *others: Tensor | None) -> bool:
    return (
        features.device.type == "cpu"
        and all(o is None or o.dtype == weight.dtype for o in (features, *others))
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and bool(torch.backends.mkldnn.enabled)
        and _fuses(weight.dtype)
    )


@cache
def _fuses(dtype: torch.dtype) -> bool:
    """Whether this machine and this build of PyTorch have the operations, as they are used here."""
    if not torch.backends.mkldnn.is_available():
        return False
    image = torch.ones(1, 16, 8, 8, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.ones(16, 16, 3, 3, dtype=dtype)
    try:
        with torch.no_grad():
            _fused_relu(image, weight, None, 0.2)
            _fused_add(image, weight, None, image)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True


def _fused_relu(features: Tensor, weight: Tensor, bias: Tensor | None, slope: float) -> Tensor:
    name, scalars = ("leaky_relu", [slope]) if slope else ("relu", [])
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
        features, weight, bias, _ONES, _ONES, _ONES, 1, name, scalars, ""
    )
    return fused


def _fused_add(features: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor) -> Tensor:
    fused: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(
        features, other, weight, bias, _ONES, _ONES, _ONES, 1, "add", None, None, [], None
    )
    return fused
