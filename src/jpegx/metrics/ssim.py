"""Structural similarity."""

from itertools import product
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.filters import separable

Window = Literal["gaussian", "uniform"]

SMALLEST = 11  # pixels a side, for both windows

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(image: Tensor, original: Tensor, window: Window = "gaussian") -> float:
    """Mean structural similarity index, at most 1, the mean over the channels.

    ``image``, ``original``: (C, H, W), gray levels 0 to 255. Raises ValueError if the shapes differ
    or the picture is smaller than the window. See :func:`similarity`.
    """
    return float(_map(image[None], original[None], window).mean(dtype=torch.float64))


def similarity(images: Tensor, originals: Tensor, window: Window = "gaussian") -> Tensor:
    """Mean structural similarity index of images (N, C, H, W), a scalar; differentiable.

    Wang, Bovik, Sheikh and Simoncelli 2004, Eq. 13, where the window lies inside the picture, the
    mean over images and channels. "gaussian" is their window of 11x11 with a standard deviation of
    1.5; "uniform" is the flat 8x8 window of Ehrlich et al. 2020 (App. A) and of ARCNN's code, which
    it follows. Variances are divided by the weight, not by one less. In gray levels 0 to 255.
    Raises ValueError if the shapes differ or the pictures are smaller than the window.
    """
    return _map(images, originals, window).mean()


def _map(images: Tensor, originals: Tensor, window: Window) -> Tensor:
    if images.shape != originals.shape:
        raise ValueError(f"shapes {tuple(images.shape)} and {tuple(originals.shape)} differ")
    side = 8 if window == "uniform" else len(_bell())
    if min(images.shape[2:]) < side:
        raise ValueError(f"a picture of {tuple(images.shape[2:])} is smaller than the window")
    # Variances do not change with the level; small numbers lose less of them in float32.
    x, y = images.float() - 128, originals.float() - 128
    # Apart: mostly one of them alone has a gradient.
    mean_x, square_x, shared = _averages_of([x, x * x, x * y], window)
    mean_y, square_y = _averages_of([y, y * y], window)
    spread = square_x - mean_x * mean_x + square_y - mean_y * mean_y
    shared = shared - mean_x * mean_y
    mean_x, mean_y = mean_x + 128, mean_y + 128
    numerator = (2 * mean_x * mean_y + _C1) * (2 * shared + _C2)
    denominator = (mean_x.square() + mean_y.square() + _C1) * (spread + _C2)
    values: Tensor = numerator / denominator
    return values


def _averages_of(images: list[Tensor], window: Window) -> Tensor:
    averages = _averages(torch.stack(images).flatten(0, 1), window)
    apart: Tensor = averages.unflatten(0, (len(images), -1))
    return apart


def _averages(images: Tensor, window: Window) -> Tensor:
    if window == "gaussian":
        return separable(images, _bell())
    means: Tensor = _FlatMeans.apply(images)  # type: ignore[no-untyped-call]
    return means


class _FlatMeans(torch.autograd.Function):
    """Means of all windows of 8x8; the gradient is theirs too, of what is padded with zeros.

    Following each of the sums back by itself takes four times as long.
    """

    @staticmethod
    def forward(_: Any, images: Tensor) -> Tensor:  # noqa: ANN401
        return _flat_means(images)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return _flat_means(F.pad(gradient, (7, 7, 7, 7)))


def _flat_means(images: Tensor) -> Tensor:
    # Sums of 2, of 4, of 8, one way after the other: twice as fast as PyTorch's own.
    for axis, reach in product((2, 3), (1, 2, 4)):
        length = images.shape[axis] - reach
        images = images.narrow(axis, 0, length) + images.narrow(axis, reach, length)
    return images / 64


def _bell() -> Tensor:
    """One side of the separable window, sum 1."""
    bell = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    return bell / bell.sum()
