"""Features of frozen networks, by which sets of pictures are compared."""

import torch
from torch import Tensor

from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.metrics.frozen_network import FrozenNetwork
from jpegx.metrics.vgg16 import Vgg16

NETWORKS: dict[str, type[FrozenNetwork]] = {"efficientnet-lite0": EfficientNetLite0, "vgg16": Vgg16}

# Multiples of the largest stride. The features of EfficientNet-Lite0 at stride 16 see 169 pixels
# to each side.
_TILE, _HALO = 1024, 192


def open_features(name: str, device: torch.device | str = "cpu") -> FrozenNetwork:
    """A frozen network by its name in ``NETWORKS``, ready on a device.

    Raises MissingNetwork, one line, if it is not installed; KeyError for another name.
    """
    return NETWORKS[name].installed().to(device)


@torch.inference_mode()
def positions(network: FrozenNetwork, image: Tensor) -> dict[int, Tensor]:
    """Feature vectors of all positions of a picture, by stride of those that are judged.

    ``image``: (C, H, W), gray levels 0 to 255, 1 or 3 channels. Each (positions, D), float32, on
    the CPU; there are ceil(H / stride) * ceil(W / stride). A picture of more than 1024 pixels a
    side is seen in tiles, with what the network sees around them, so that memory stays bounded.
    """
    device = next(network.parameters()).device
    height, width = image.shape[1:]
    found: dict[int, list[Tensor]] = {stride: [] for stride in network.judged}
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            rows, columns = _reach(top, height), _reach(left, width)
            part = image[:, rows, columns].to(device, torch.float32)[None] / 255
            seen = network.features(part.expand(1, 3, -1, -1))
            for stride, kept in found.items():
                own = (
                    slice((start - reach.start) // stride, -(-(end - reach.start) // stride))
                    for start, end, reach in (
                        (top, min(top + _TILE, height), rows),
                        (left, min(left + _TILE, width), columns),
                    )
                )
                kept.append(seen[stride][0][:, *own].flatten(1).T.cpu())
    return {stride: torch.cat(parts) for stride, parts in found.items()}


def _reach(start: int, size: int) -> slice:
    """The pixels that the features of a tile depend on, in one direction."""
    return slice(max(0, start - _HALO), min(size, start + _TILE + _HALO))
