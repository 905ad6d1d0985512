"""The convolutions of VGG-16 and VGG-19, frozen: distances and losses stand on their features.

Simonyan and Zisserman 2015, table 1, D and E.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.metrics.frozen_network import read_tensors, take_tensors

CHANNELS = (64, 128, 256, 512, 512)  # of each block
CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
ENDS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")  # of the blocks of VGG-16


def layer_names(depth: int) -> list[str]:
    """Layers of VGG-16 or VGG-19: convBLOCK_NUMBER, and relu… after its activation, in order."""
    return [
        f"{kind}{block}_{number}"
        for block, convolutions in enumerate(CONVOLUTIONS[depth], 1)
        for number in range(1, convolutions + 1)
        for kind in ("conv", "relu")
    ]


def torchvision_names(depth: int) -> dict[str, str]:
    """What torchvision calls the convolutions: "conv1_1" is "features.0"."""
    # It counts activations and the poolings between the blocks, too.
    return {
        name: f"features.{place + int(name[4]) - 1}"
        for place, name in enumerate(layer_names(depth))
        if name.startswith("conv")
    }


class VggLayers(nn.Module):
    """Features of the layers ``wanted`` of a VGG, out of :func:`layer_names`.

    ``state``: tensors, NAME.weight and NAME.bias of what ``names`` calls each convolution; more is
    ignored. Raises MissingNetwork, naming ``path``, if one is not as it should be.
    """

    def __init__(
        self,
        state: Mapping[str, object],
        path: Path,
        names: Mapping[str, str],
        wanted: Sequence[str],
        depth: int = 16,
    ) -> None:
        super().__init__()
        self._wanted = frozenset(wanted)
        every = layer_names(depth)
        self._names = every[: 1 + max(map(every.index, wanted))]
        self.convolutions = nn.ModuleDict()
        inputs = 3
        for name in self._names:
            if not name.startswith("conv"):
                continue
            conv = nn.Conv2d(inputs, CHANNELS[int(name[4]) - 1], 3, padding=1)
            own = dict(conv.named_parameters())
            found = take_tensors(path, state, {f"{names[name]}.{n}": p for n, p in own.items()})
            conv.load_state_dict(dict(zip(own, found, strict=True)))
            self.convolutions[name] = conv
            inputs = conv.out_channels
        self.requires_grad_(False)

    def forward(self, images: Tensor, pool: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Features of normalized images (N, 3, H, W), in order; ``pool``: halves between blocks."""
        values, found = images, []
        for name in self._names:
            if name.startswith("relu"):
                values = F.relu(values)
            else:
                begins_block = name.endswith("_1") and name != self._names[0]
                values = self.convolutions[name](pool(values) if begins_block else values)
            if name in self._wanted:
                found.append(values)
        return found


def halved(features: Tensor) -> Tensor:
    """The largest of each 2x2, without an odd last row or column: the published pooling."""
    return F.max_pool2d(features, 2)


def load_blocks(path: Path) -> VggLayers:
    """The five blocks of torchvision's VGG-16, each after its last activation.

    ``path``: safetensors, or what torch.save wrote. Raises MissingNetwork.
    """
    return VggLayers(read_tensors(path), path, torchvision_names(16), ENDS)


def as_input(image: Tensor) -> Tensor:
    """Images (1, 3, H, W) from 0 to 1 of a picture (C, H, W) in gray levels, 1 or 3 channels."""
    return image.float()[None].expand(1, 3, -1, -1) / 255


def whitened(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) from 0 to 1, as torchvision's were trained on: in units of ImageNet's."""
    mean, spread = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    at, by = (images.new_tensor(v)[:, None, None] for v in (mean, spread))
    return (images - at) / by
