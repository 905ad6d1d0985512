"""Convolutions that do what follows them in the same pass, where PyTorch can.

A pass over the feature maps of a large picture costs about half as much as a convolution of 64
features in bfloat16. oneDNN can apply a ReLU or add a map while it writes the result; PyTorch has
that for its own compiler alone, so whatever is missing falls back on separate passes.
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def conv_relu(
    features: Tensor, weight: Tensor, bias: Tensor | None, padding: int, slope: float = 0.0
) -> Tensor:
    """A convolution (N, c, h, w) of stride 1, then a ReLU, leaky with a slope."""
    if _can_fuse(features, weight):
        name, scalars = ("leaky_relu", [slope]) if slope else ("relu", [])
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(
            features, weight, bias, [padding] * 2, [1, 1], [1, 1], 1, name, scalars, ""
        )
        return fused
    result = F.conv2d(features, weight, bias, padding=padding)
    return F.leaky_relu(result, slope, inplace=True) if slope else result.relu_()


def conv_add(
    features: Tensor, weight: Tensor, bias: Tensor | None, padding: int, other: Tensor
) -> Tensor:
    """A convolution (N, c, h, w) of stride 1 plus another map of the same shape."""
    if _can_fuse(features, weight) and other.dtype == weight.dtype:
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(
            features,
            other,
            weight,
            bias,
            [padding] * 2,
            [1, 1],
            [1, 1],
            1,
            "add",
            None,
            None,
            [],
            None,
        )
        return fused
    return F.conv2d(features, weight, bias, padding=padding).add_(other)


def _can_fuse(features: Tensor, weight: Tensor) -> bool:
    return (
        features.device.type == "cpu"
        and features.dtype == weight.dtype
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and _fuses()
    )


@cache
def _fuses() -> bool:
    """Whether this build of PyTorch has the operations, with the arguments that are used here."""
    if not torch.backends.mkldnn.is_available():
        return False
    image, kernel = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1)
    same, one = [0, 0], [1, 1]
    try:
        operation = torch.ops.mkldnn._convolution_pointwise
        with torch.no_grad():
            operation(image, kernel, None, same, one, one, 1, "relu", [], "")
            operation.binary(
                image, image, kernel, None, same, one, one, 1, "add", None, None, [], None
            )
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True
