"""Contrast around each pixel: what errors and changes are seen beside."""

import torch.nn.functional as F
from torch import Tensor


def local_contrast(images: Tensor, window: int) -> Tensor:
    """Standard deviation of the brightness around each pixel: (N, 1, H, W) of (N, C, H, W).

    Brightness is the mean of the channels. ``window``: pixels each way, odd; at the edges what of
    it lies inside.
    """
    brightness = images.mean(dim=1, keepdim=True)
    brightness = brightness - brightness.mean(dim=(2, 3), keepdim=True)
    square = _around(brightness.square(), window) - _around(brightness, window).square()
    return square.clamp(min=0).sqrt()


def _around(values: Tensor, window: int) -> Tensor:
    """Mean of the window around each place."""
    return F.avg_pool2d(values, window, 1, window // 2, count_include_pad=False)
