"""DISTS, the distance of a picture from its original in structure and texture.

Ding, Ma, Wang and Simoncelli 2020, Eqs. 3 to 7, with their VGG-16 whose poolings do not alias.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.frozen_network import take_tensors
from jpegx.metrics.vgg_layers import CHANNELS, VggLayers, as_input, whitened

_CHANNELS = (3, *CHANNELS)  # the picture itself is the first layer
_HANN = (0.25, 0.5, 0.25)
_TINY = 1e-6  # their c1 and c2


class Dists:
    """``blocks``: of torchvision's VGG-16. ``state``: the published weights, alpha and beta.

    Raises MissingNetwork, naming ``path``, if one is not as it should be.
    """

    def __init__(self, blocks: VggLayers, state: Mapping[str, object], path: Path) -> None:
        self._blocks = blocks
        each = torch.empty(1, sum(_CHANNELS), 1, 1)
        alpha, beta = take_tensors(path, state, {"alpha": each, "beta": each})
        whole = alpha.sum() + beta.sum()
        self._alpha = (alpha.flatten() / whole).split(_CHANNELS)
        self._beta = (beta.flatten() / whole).split(_CHANNELS)

    @torch.inference_mode()
    def distance(self, image: Tensor, original: Tensor) -> float:
        """0 for equal pictures, less is better, at their own size (nothing is reduced first).

        ``image``, ``original``: (C, H, W), gray levels 0 to 255, at least 16 pixels a side.
        """
        score = 0.0
        layers = zip(self._features(image), self._features(original), strict=True)
        for alpha, beta, (x, y) in zip(self._alpha, self._beta, layers, strict=True):
            mean_x, mean_y = x.mean(dim=1), y.mean(dim=1)
            texture = (2 * mean_x * mean_y + _TINY) / (mean_x**2 + mean_y**2 + _TINY)
            spread_x, spread_y = (v.var(dim=1, correction=0) for v in (x, y))
            shared = (x * y).mean(dim=1) - mean_x * mean_y
            structure = (2 * shared + _TINY) / (spread_x + spread_y + _TINY)
            score += float((alpha * texture + beta * structure).sum())
        return 1 - score

    def _features(self, image: Tensor) -> list[Tensor]:
        """Of each layer (channels, positions)."""
        shown = as_input(image)
        found = self._blocks(whitened(shown), _pooled)
        return [values[0].flatten(1) for values in (shown, *found)]


def _pooled(features: Tensor) -> Tensor:
    """The root of the blurred squares, every second one: their L2 pooling."""
    row = torch.tensor(_HANN)
    kernel = torch.outer(row, row).expand(features.shape[1], 1, 3, 3)
    blurred = F.conv2d(features.square(), kernel, stride=2, padding=1, groups=features.shape[1])
    return (blurred + 1e-12).sqrt()
