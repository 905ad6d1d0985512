"""Depthwise convolutions of stride 2 whose gradient is quick on a CPU in bfloat16."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def strided_depthwise(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A depthwise convolution of stride 2, without padding, with weights that are not trained.

    (N, C, h, w) of (N, C, H, W), with (C, 1, k, k) and (C,). On a CPU, in bfloat16, the gradient of
    the images is a depthwise convolution of stride 1, with the kernel turned round, of the gradient
    with zeros between: oneDNN's own, of stride 2, takes 3 to 8 times as long
    (tests/benchmarks/depthwise.py). In float32 that one is the quicker.
    """
    autocast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if autocast else images.dtype
    on_cpu = images.device.type == "cpu"
    if not (on_cpu and images.requires_grad and dtype == torch.bfloat16):
        return F.conv2d(images, weight, bias, stride=2, groups=len(weight))
    found: Tensor = _StridedDepthwise.apply(images, weight, bias)  # type: ignore[no-untyped-call]
    return found


class _StridedDepthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: ANN401 (PyTorch's own)
        ctx.save_for_backward(weight)
        ctx.size, ctx.dtype = images.shape[2:], images.dtype
        return F.conv2d(images, weight, bias, stride=2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 (PyTorch's own)
        (weight,) = ctx.saved_tensors
        edge = weight.shape[2] - 1
        (height, width), (h, w) = ctx.size, gradient.shape[2:]
        shape = (*gradient.shape[:2], height + edge, width + edge)
        spread = gradient.new_zeros(shape).contiguous(memory_format=torch.channels_last)
        spread[:, :, edge : edge + 2 * h : 2, edge : edge + 2 * w : 2] = gradient
        turned = weight.flip(2, 3).to(gradient.dtype).contiguous(memory_format=torch.channels_last)
        return F.conv2d(spread, turned, groups=len(weight)).to(ctx.dtype), None, None
