"""Sliced Wasserstein distance between patches of Laplacian pyramids: sharpness, without weights.

Karras, Aila, Laine and Lehtinen 2018 (progressive growing of GANs), section 5 and appendix A.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.filters import separable

LEVELS = 4  # of the pyramid; the published ones end at 16 pixels a side: 128 is enough for four
SMALLEST = 56  # pixels a side: the coarsest level still holds one patch

_PATCH = 7
_REPEATS, _DIRECTIONS = 4, 128  # as published: 512 directions in all
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def pyramid_patches(image: Tensor, generator: torch.Generator, patches: int) -> list[Tensor]:
    """Patches of 7x7 pixels from random places of each pyramid level, finest level first.

    ``image``: (C, H, W), gray levels. Returns :data:`LEVELS` tensors, float32 (patches, C * 49),
    channel by channel. The published number of patches is 128. Two sets to be compared need
    generators of different seeds: at equal places a picture that is right pixel by pixel has no
    sampling error, and a sharp one that is not is ranked below the JPEG itself.
    Raises ValueError if a side is below :data:`SMALLEST`.
    """
    if min(image.shape[1:]) < SMALLEST:
        raise ValueError(f"a picture of {tuple(image.shape[1:])} is smaller than {SMALLEST}")
    return [_patches(level, generator, patches) for level in laplacian_pyramid(image)]


def sliced_wasserstein(ours: Sequence[Tensor], theirs: Sequence[Tensor], seed: int) -> list[float]:
    """Sliced Wasserstein distance times 1000 for each level; 0 for equal patches, less is better.

    ``ours``, ``theirs``: the patches of many pictures, (patches, C * 49) for each level and as many
    in both. As published, each side is first normalised to mean 0 and standard deviation 1 in each
    channel, by its own patches: contrast as such is not compared, only structure. The distance is
    the mean over 512 random directions of the first Wasserstein distance along them.
    Raises ValueError if the shapes differ.
    """
    random = torch.Generator().manual_seed(seed)
    return [
        _distance(_normalized(a), _normalized(b), random) for a, b in zip(ours, theirs, strict=True)
    ]


def laplacian_pyramid(image: Tensor) -> list[Tensor]:
    """The Laplacian pyramid (Burt and Adelson 1983) of an image (C, H, W), finest level first.

    Float32; each level is what the next coarser one does not show, the last one is all that is
    left. Reduced and enlarged by the binomial filter of 5x5 with mirrored borders, as published.
    """
    level = image.float()[None]
    out = []
    for _ in range(LEVELS - 1):
        coarser = _smooth(level)[:, :, ::2, ::2]
        out.append((level - _enlarged(coarser, level))[0])
        level = coarser
    return [*out, level[0]]


def _smooth(image: Tensor) -> Tensor:
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect")
    return separable(padded, torch.tensor(_BINOMIAL))


def _enlarged(coarser: Tensor, like: Tensor) -> Tensor:
    spread = torch.zeros_like(like)
    spread[:, :, ::2, ::2] = coarser * 4  # a quarter of the pixels carry the whole
    return _smooth(spread)


def _patches(level: Tensor, generator: torch.Generator, count: int) -> Tensor:
    _, height, width = level.shape
    top = torch.randint(height - _PATCH + 1, (count,), generator=generator)
    left = torch.randint(width - _PATCH + 1, (count,), generator=generator)
    windows = level.unfold(1, _PATCH, 1).unfold(2, _PATCH, 1)  # a view, (C, rows, columns, 7, 7)
    chosen: Tensor = windows[:, top, left].transpose(0, 1).flatten(1)
    return chosen


def _normalized(patches: Tensor) -> Tensor:
    channels = patches.unflatten(1, (-1, _PATCH * _PATCH)).double()
    mean = channels.mean(dim=(0, 2), keepdim=True)
    std = channels.std(dim=(0, 2), keepdim=True, correction=0)
    normalized: Tensor = (channels - mean) / std.clamp(min=1e-8)
    return normalized.flatten(1).float()


def _distance(ours: Tensor, theirs: Tensor, random: torch.Generator) -> float:
    if ours.shape != theirs.shape:
        raise ValueError(f"patches of {tuple(ours.shape)} and {tuple(theirs.shape)} differ")
    distances = []
    for _ in range(_REPEATS):
        directions = F.normalize(torch.randn(ours.shape[1], _DIRECTIONS, generator=random), dim=0)
        # NumPy sorts many times faster than PyTorch on a CPU.
        a, b = (np.sort((side @ directions).T.numpy(), axis=1) for side in (ours, theirs))
        distances.append(float(np.abs(a - b).mean(dtype=np.float64)))
    return 1000 * sum(distances) / _REPEATS
