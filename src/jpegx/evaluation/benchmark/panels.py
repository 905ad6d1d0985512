"""Crops for the report: what a decoder makes of the centre of a picture, side by side."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.batch.std_map import std_map_pixels
from jpegx.sampling.running_moments import Moments

SIDE = 128
_CHOSEN = 3


def chosen(names: Sequence[str]) -> frozenset[str]:
    """The pictures of a set that are shown: three of them, evenly spread over the names."""
    count = min(_CHOSEN, len(names))
    return frozenset(names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count))


def panels(samples: Tensor) -> bytes:
    """A WebP picture, lossless, of the centre, at most 128x128, of samples, uint8 (n, C, H, W).

    The first sample; if there are more, beside it the second, the mean and the standard deviation
    (scale of ``jpegx decode --std-map``).
    """
    height, width = samples.shape[2:]
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    crops = samples[:, :, top : top + SIDE, left : left + SIDE]
    row = [_shown(crop) for crop in crops[:2]]
    if len(crops) > 1:
        moments = Moments()
        for crop in crops:
            moments.add(crop)
        deviation = moments.std().mean(dim=0).div(255).numpy()
        row += [
            _shown(moments.mean().round().to(torch.uint8)),
            std_map_pixels(deviation).repeat(3, axis=2),
        ]
    buffer = BytesIO()
    Image.fromarray(np.concatenate(row, axis=1)).save(buffer, "WEBP", lossless=True, method=1)
    return buffer.getvalue()


def _shown(crop: Tensor) -> np.ndarray:
    """(H, W, 3) of a crop (C, H, W)."""
    shown: np.ndarray = crop.expand(3, -1, -1).permute(1, 2, 0).numpy()
    return shown
