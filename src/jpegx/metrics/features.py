"""Features of frozen networks, by which sets of pictures are compared."""

import torch
from torch import Tensor

from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.metrics.frozen_network import FrozenNetwork
from jpegx.metrics.vgg16 import Vgg16

NETWORKS: dict[str, type[FrozenNetwork]] = {"efficientnet-lite0": EfficientNetLite0, "vgg16": Vgg16}


def open_features(name: str, device: torch.device | str = "cpu") -> FrozenNetwork:
    """A frozen network by its name in ``NETWORKS``, ready on a device.

    Raises MissingNetwork, one line, if it is not installed; KeyError for another name.
    """
    return NETWORKS[name].installed().to(device)


@torch.inference_mode()
def positions(network: FrozenNetwork, image: Tensor) -> dict[int, Tensor]:
    """Feature vectors of all positions of a picture, by stride of those that are judged.

    ``image``: (C, H, W), gray levels 0 to 255, 1 or 3 channels. Each (positions, D), float32, on
    the CPU.
    """
    device = next(network.parameters()).device
    shown = image.to(device, torch.float32)[None].expand(1, 3, -1, -1) / 255
    found = network.features(shown)
    return {stride: found[stride][0].flatten(1).T.cpu() for stride in network.judged}
