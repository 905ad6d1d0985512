"""PSNR that also charges a picture for its visible blocks."""

from math import log2
from statistics import fmean

import torch
from torch import Tensor

from jpegx.metrics.psnr import decibels, mean_squared_error

_BLOCK = 8


def psnr_b(image: Tensor, original: Tensor) -> float:
    """PSNR-B in dB, the mean over the channels of each channel's own value.

    Yim and Bovik 2011 ("Quality assessment of deblocked images"): the blocking effect factor is
    added to the mean squared error. Not symmetric: the factor is that of ``image`` alone (Ehrlich
    et al. 2020, App. A, warns of swapped arguments). For colour the mean of R, G and B is Ehrlich
    et al.'s own protocol. ``image``, ``original``: (C, H, W), gray levels 0 to 255, the block grid
    starting at the top left; infinite if equal without blocks. Raises ValueError if the shapes
    differ.
    """
    return fmean(
        decibels(mean_squared_error(ours, theirs) + blocking_effect(ours))
        for ours, theirs in zip(image, original, strict=True)
    )


def blocking_effect(channel: Tensor) -> float:
    """Blocking effect factor of one channel (H, W), in squared gray levels, 0 or more.

    Yim and Bovik 2011: how much larger squared steps between neighbouring pixels are across the
    edges of blocks than elsewhere, weighted by log2 of the block's over log2 of the picture's size.
    """
    values = channel.double()
    edges, insides = [], []
    for steps in (values.diff(dim=1), values.diff(dim=0).T):
        squares = steps.square()
        crosses = torch.arange(1, squares.shape[1] + 1) % _BLOCK == 0
        edges.append(squares[:, crosses].flatten())
        insides.append(squares[:, ~crosses].flatten())
    edge, inside = torch.cat(edges), torch.cat(insides)
    if not len(edge) or not len(inside):
        return 0.0
    excess = float(edge.mean() - inside.mean())
    weight = log2(_BLOCK) / log2(max(2, min(channel.shape)))
    return weight * max(0.0, excess)
