"""Structural similarity."""

from typing import Literal

import torch
from torch import Tensor

from jpegx.metrics.filters import separable

Window = Literal["gaussian", "uniform"]

SMALLEST = 11  # pixels a side, for both windows

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(image: Tensor, original: Tensor, window: Window = "gaussian") -> float:
    """Mean structural similarity index, at most 1, the mean over the channels.

    Wang, Bovik, Sheikh and Simoncelli 2004, Eq. 13, where the window lies inside the picture.
    "gaussian" is their window of 11x11 with a standard deviation of 1.5; "uniform" is the flat 8x8
    window of Ehrlich et al. 2020 (App. A) and of ARCNN's code, which it follows. Variances are
    divided by the weight, not by one less. ``image``, ``original``: (C, H, W), gray levels 0 to
    255. Raises ValueError if the shapes differ or the picture is smaller than the window.
    """
    if image.shape != original.shape:
        raise ValueError(f"shapes {tuple(image.shape)} and {tuple(original.shape)} differ")
    weights = _weights(window)
    if min(image.shape[1:]) < len(weights):
        raise ValueError(f"a picture of {tuple(image.shape[1:])} is smaller than the window")
    # Variances do not change with the level; small numbers lose less of them in float32.
    x, y = image.float() - 128, original.float() - 128
    averages = separable(torch.stack([x, y, x * x, y * y, x * y]), weights)
    mean_x, mean_y = averages[0], averages[1]
    spread = averages[2] - mean_x * mean_x + averages[3] - mean_y * mean_y
    shared = averages[4] - mean_x * mean_y
    mean_x, mean_y = mean_x + 128, mean_y + 128
    numerator = (2 * mean_x * mean_y + _C1) * (2 * shared + _C2)
    denominator = (mean_x.square() + mean_y.square() + _C1) * (spread + _C2)
    return float((numerator / denominator).mean(dtype=torch.float64))


def _weights(window: Window) -> Tensor:
    """One side of the separable window, sum 1."""
    if window == "uniform":
        return torch.full((8,), 1 / 8)
    bell = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    return bell / bell.sum()
