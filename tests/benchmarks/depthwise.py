"""Gradients of strided depthwise convolutions: python tests/benchmarks/depthwise.py.

Milliseconds of CPU for the layers of EfficientNet-Lite0 that have stride 2, 8 images, as jpegx does
them and as PyTorch alone does.
"""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.strided_depthwise import strided_depthwise

LAYERS = ((96, 3, 48), (144, 5, 24), (240, 3, 12))  # channels, kernel, positions each way
TIMES = 5


def plain(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """PyTorch's own."""
    return F.conv2d(images, weight, bias, stride=2, groups=len(weight))


def milliseconds(
    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor], images: Tensor, weight: Tensor
) -> float:
    """The least of some times that the gradient takes."""
    taken = []
    for _ in range(TIMES):
        result = convolve(images.requires_grad_(True), weight, None)
        above = torch.rand_like(result)
        start = time.process_time()
        torch.autograd.grad(result, images, above)
        taken.append(time.process_time() - start)
    return 1e3 * min(taken)


def main() -> None:
    """One line for each layer and number type."""
    torch.set_num_threads(1)
    for channels, kernel, size in LAYERS:
        for dtype in (torch.float32, torch.bfloat16):
            shape = (8, channels, size + kernel - 2, size + kernel - 2)
            images = torch.rand(shape).to(dtype).contiguous(memory_format=torch.channels_last)
            weight = torch.rand(channels, 1, kernel, kernel).to(dtype)
            ours, theirs = (milliseconds(f, images, weight) for f in (strided_depthwise, plain))
            print(
                f"{channels} channels, {kernel}x{kernel}, {dtype}: {ours:.2f}, plain {theirs:.2f}"
            )


if __name__ == "__main__":
    main()
