"""Generated pictures with edges and fine texture at all sizes, as natural ones have."""

import numpy as np
import torch
from torch import Tensor


def dead_leaves(seed: int, height: int = 288, width: int = 384, leaves: int = 1500) -> Tensor:
    """Discs that hide one another, each with a colour and fine texture: uint8 (3, H, W).

    Radii fall off with the third power, as in the dead leaves model of natural scenes.
    """
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), 127.0)
    y, x = np.ogrid[:height, :width]
    for _ in range(leaves):
        radius = 4 / np.sqrt(random.uniform(0.003, 1))
        top, left = random.uniform(0, height), random.uniform(0, width)
        rows = slice(max(0, int(top - radius)), int(top + radius) + 1)
        columns = slice(max(0, int(left - radius)), int(left + radius) + 1)
        inside = (y[rows] - top) ** 2 + (x[:, columns] - left) ** 2 < radius**2
        grain = random.normal(0, random.uniform(1, 12), (*inside.shape, 1))
        leaf = random.uniform(30, 225) + random.normal(0, 20, 3) + grain
        image[rows, columns] = np.where(inside[..., None], leaf, image[rows, columns])
    levels = image.round().clip(0, 255).astype(np.uint8)
    return torch.tensor(levels).permute(2, 0, 1).contiguous()


def noise(seed: int, *shape: int) -> Tensor:
    """Independent bytes."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
