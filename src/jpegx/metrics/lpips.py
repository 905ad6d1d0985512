"""LPIPS, the learned perceptual distance of a picture from its original.

Zhang, Isola, Efros, Shechtman and Wang 2018, Eq. 1, version 0.1 with VGG-16.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from jpegx.metrics.frozen_network import take_tensors
from jpegx.metrics.vgg_layers import CHANNELS, VggLayers, as_input, halved

# Of its scaling layer: pictures from -1 to 1, minus a shift, divided by a scale.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_TINY = 1e-10


class Lpips:
    """``blocks``: of torchvision's VGG-16. ``state``: the weights of the five layers.

    These are named as in the published file of the linear layers, lin0.model.1.weight to
    lin4.model.1.weight. Raises MissingNetwork, naming ``path``, if one is not as it should be.
    """

    def __init__(self, blocks: VggLayers, state: Mapping[str, object], path: Path) -> None:
        self._blocks = blocks
        wanted = {
            f"lin{layer}.model.1.weight": torch.empty(1, channels, 1, 1)
            for layer, channels in enumerate(CHANNELS)
        }
        self._weights = take_tensors(path, state, wanted)

    @torch.inference_mode()
    def distance(self, image: Tensor, original: Tensor) -> float:
        """0 for equal pictures, less is better.

        ``image``, ``original``: (C, H, W), gray levels 0 to 255, at least 16 pixels a side.
        """
        features = zip(self._features(image), self._features(original), strict=True)
        total = 0.0
        for weight, (ours, theirs) in zip(self._weights, features, strict=True):
            change = (_unit(ours) - _unit(theirs)).square()
            total += float((change * weight).sum(dim=1).mean())
        return total

    def _features(self, image: Tensor) -> list[Tensor]:
        shift, scale = (torch.tensor(v)[:, None, None] for v in (_SHIFT, _SCALE))
        scaled = (2 * as_input(image) - 1 - shift) / scale
        found: list[Tensor] = self._blocks(scaled, halved)
        return found


def _unit(features: Tensor) -> Tensor:
    """Of length 1 at each position."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _TINY)
