"""Critics: networks that tell the source images from samples, for adversarial training."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.conditioning import Conditions
from jpegx.models.config import Config


class Critic(nn.Module):
    """A network that rates images, given the files they are samples of."""

    def forward(self, images: Tensor, conditions: Conditions) -> tuple[Tensor, list[Tensor]]:
        """Logits (N,), high for a source image, and features for feature matching, finest first.

        ``images``: (N, 3, H, W) in gray levels / 255. ``conditions``: of the N files.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ResNet34Config(Config):
    """Width of the first stage; each later one has twice as much. The published width is 64."""

    width: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 512:
            raise ValueError("width must be 1 to 512")


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalization beside the identity (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, outputs, h / stride, w / stride)."""
        inner = F.relu(self.first_norm(self.first(features)))
        # Not a strided 1x1 convolution: of fewer channels than a vector has numbers, oneDNN's
        # gradient of the weights writes past its memory (uxlfoundation/oneDNN, issue 6035).
        kept = features[:, :, :: self.stride, :: self.stride]
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(kept))


class ResNet34Critic(Critic):
    """The critic of paper 1 (A.1): a plain ResNet-34, without pretrained weights, one logit.

    It sees the images alone. The features are the outputs of the four stages.
    """

    def __init__(self, config: ResNet34Config) -> None:
        super().__init__()
        width = config.width
        self.stem = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.stages = nn.ModuleList()
        inputs = width
        for stage, blocks in enumerate((3, 4, 6, 3)):
            outputs, stride = width << stage, 1 if stage == 0 else 2
            first = BasicBlock(inputs, outputs, stride)
            rest = (BasicBlock(outputs, outputs, 1) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.head = nn.Linear(inputs, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, images: Tensor, conditions: Conditions) -> tuple[Tensor, list[Tensor]]:
        """Logits (N,) and features: see :meth:`Critic.forward`."""
        values = (images - 0.5).contiguous(memory_format=torch.channels_last)
        values = F.max_pool2d(F.relu(self.norm(self.stem(values))), 3, stride=2, padding=1)
        features = []
        for stage in self.stages:
            values = stage(values)
            features.append(values)
        logits: Tensor = self.head(values.mean(dim=(2, 3)))
        return logits[:, 0], features


@dataclass(frozen=True)
class LightConfig(Config):
    """Widths at scales 1/2, 1/4, 1/8, ..., one convolution and a strided one for each."""

    widths: tuple[int, ...] = (48, 96, 192, 256)

    def __post_init__(self) -> None:
        if not (1 <= len(self.widths) <= 6 and all(1 <= w <= 2048 for w in self.widths)):
            raise ValueError("1 to 6 widths of 1 to 2048")


class LightCritic(Critic):
    """A critic for training on a CPU: no normalization, a logit per patch, averaged.

    It sees the image and its difference from the decoded one, where the compression's own traces
    and the invented detail show. He's initialization (He et al. 2015): with PyTorch's default, the
    signal fades from layer to layer and the critic does not leave chance. The features are the
    outputs of the scales.
    """

    _SLOPE = 0.2
    _DIFFERENCE_GAIN = 4.0  # brings the difference to about the spread of an image

    def __init__(self, config: LightConfig) -> None:
        super().__init__()
        widths = config.widths
        self.stem = nn.Conv2d(24, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, wide, 4, stride=2, padding=1) for fine, wide in pairwise(widths)
        )
        self.same = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, a=self._SLOPE)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor, conditions: Conditions) -> tuple[Tensor, list[Tensor]]:
        """Logits (N,) and features: see :meth:`Critic.forward`."""
        difference = (images - conditions.decoded) * self._DIFFERENCE_GAIN
        values = F.pixel_unshuffle(torch.cat([images - 0.5, difference], dim=1), 2)
        values = self._active(self.stem(values.contiguous(memory_format=torch.channels_last)))
        features = []
        for scale, same in enumerate(self.same):
            if scale:
                values = self._active(self.down[scale - 1](values))
            values = self._active(same(values))
            features.append(values)
        logits: Tensor = self.head(values)
        return logits.mean(dim=(1, 2, 3)), features

    def _active(self, values: Tensor) -> Tensor:
        return F.leaky_relu(values, self._SLOPE)


def create_critic(family: str, config: Mapping[str, object] | None = None) -> Critic:
    """A new critic with random weights: "resnet34" or "light".

    ``config``: what differs from the family's default. Raises ValueError for an unknown family or
    an impossible configuration.
    """
    if family == "resnet34":
        return ResNet34Critic(ResNet34Config.from_dict(config or {}))
    if family == "light":
        return LightCritic(LightConfig.from_dict(config or {}))
    raise ValueError(f"unknown critic {family[:40]!r}, not one of resnet34, light")
