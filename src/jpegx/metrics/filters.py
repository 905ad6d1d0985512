"""Weighted averages over a neighbourhood, shared by the measures that look at one."""

import torch.nn.functional as F
from torch import Tensor


def separable(images: Tensor, weights: Tensor) -> Tensor:
    """Each channel of images (N, C, H, W) filtered by the same weights (K,) in both directions.

    Where the window lies inside the image: (N, C, H - K + 1, W - K + 1).
    """
    # As channels of one image with a filter each: a batch of them takes PyTorch five times as long.
    planes = images.flatten(0, 1)[None]
    count = planes.shape[1]
    each = weights.to(images).expand(count, 1, 1, -1).contiguous()
    across = F.conv2d(planes, each, groups=count)
    both = F.conv2d(across, each.transpose(2, 3).contiguous(), groups=count)
    filtered: Tensor = both[0].unflatten(0, images.shape[:2])
    return filtered
