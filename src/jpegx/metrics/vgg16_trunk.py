"""The convolutions of VGG-16 as torchvision publishes them, for the distances that stand on them.

Simonyan and Zisserman 2015, table 1, D.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.metrics.frozen_network import read_tensors, take_tensors

CHANNELS = (64, 128, 256, 512, 512)

_CONVOLUTIONS = (2, 2, 3, 3, 3)


class Vgg16Trunk(nn.Module):
    """Features after the last activation of each of the five blocks; frozen.

    ``state``: tensors by torchvision's names, features.0.weight to features.28.bias; more is
    ignored. Raises MissingNetwork, naming ``path``, if one is not as it should be.
    """

    def __init__(self, state: Mapping[str, object], path: Path) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        inputs, number = 3, 0
        for outputs, count in zip(CHANNELS, _CONVOLUTIONS, strict=True):
            block = nn.ModuleList()
            for _ in range(count):
                conv = nn.Conv2d(inputs, outputs, 3, padding=1)
                wanted = {f"features.{number}.{n}": p for n, p in conv.named_parameters()}
                with torch.no_grad():
                    for own, given in zip(
                        conv.parameters(), take_tensors(path, state, wanted), strict=True
                    ):
                        own.copy_(given)
                block.append(conv)
                inputs, number = outputs, number + 2  # each has an activation after it
            number += 1  # and each block is followed by a pooling
            self.blocks.append(block)
        self.requires_grad_(False)

    def forward(self, images: Tensor, pool: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Features of images (N, 3, H, W) that are normalized; ``pool``: halves between blocks."""
        found: list[Tensor] = []
        for block in self.blocks:
            assert isinstance(block, nn.ModuleList)
            values = pool(found[-1]) if found else images
            for conv in block:
                values = F.relu(conv(values))
            found.append(values)
        return found


def load_trunk(path: Path) -> Vgg16Trunk:
    """The trunk of a file, safetensors or what torch.save wrote. Raises MissingNetwork."""
    return Vgg16Trunk(read_tensors(path), path)


def as_input(image: Tensor) -> Tensor:
    """Images (1, 3, H, W) from 0 to 1 of a picture (C, H, W) in gray levels, 1 or 3 channels."""
    return image.float()[None].expand(1, 3, -1, -1) / 255
