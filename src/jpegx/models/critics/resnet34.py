"""The critic of Man et al. 2022."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.registry import critics


@dataclass(frozen=True)
class ResNet34Config(Config):
    """Width of the first stage; each later one has twice as much. The published width is 64.

    ``norm``: batch normalization, as in a plain ResNet-34; without, convolutions have biases.
    """

    width: int = 64
    norm: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 512:
            raise ValueError("width must be 1 to 512")


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalization beside the identity (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, norm: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=not norm)
        self.first_norm = _norm(outputs, norm)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not norm)
        self.second_norm = _norm(outputs, norm)
        self.stride = stride
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            convolution = nn.Conv2d(inputs, outputs, 1, bias=not norm)
            self.shortcut = nn.Sequential(convolution, _norm(outputs, norm))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, outputs, h / stride, w / stride)."""
        inner = F.relu(self.first_norm(self.first(features)))
        # Not a strided 1x1 convolution: of fewer channels than a vector has numbers, oneDNN's
        # gradient of the weights writes past its memory (uxlfoundation/oneDNN, issue 6035).
        kept = features[:, :, :: self.stride, :: self.stride]
        return F.relu(self.second_norm(self.second(inner)) + self.shortcut(kept))


_QUIET = 31**0.5  # as He for this leaky slope: a sixteenth of the variance, of 16 blocks in a row


def _norm(channels: int, norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm else nn.Identity()


@critics.register("resnet34")
class ResNet34Critic(Critic):
    """The critic of Man et al. 2022 (A.1): a plain ResNet-34, not pretrained, one logit.

    It sees the images alone. The features are the outputs of the four stages.
    """

    config_class = ResNet34Config
    config: ResNet34Config

    def __init__(self, config: ResNet34Config) -> None:
        super().__init__()
        self.config = config
        width = config.width
        norm = config.norm
        self.stem = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=not norm)
        self.norm = _norm(width, norm)
        self.stages = nn.ModuleList()
        inputs = width
        for stage, blocks in enumerate((3, 4, 6, 3)):
            outputs, stride = width << stage, 1 if stage == 0 else 2
            first = BasicBlock(inputs, outputs, stride, norm=norm)
            rest = (BasicBlock(outputs, outputs, 1, norm=norm) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.head = nn.Linear(inputs, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if not norm:  # or each block would double the variance
            for module in self.modules():
                if isinstance(module, BasicBlock):
                    nn.init.kaiming_normal_(module.second.weight, a=_QUIET, mode="fan_out")

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """One logit an image, (N, 1, 1, 1), and features: see :meth:`Critic.rate`."""
        values = (seen[0] - 0.5).contiguous(memory_format=torch.channels_last)
        values = F.max_pool2d(F.relu(self.norm(self.stem(values))), 3, stride=2, padding=1)
        features = []
        for stage in self.stages:
            values = stage(values)
            features.append(values)
        logits: Tensor = self.head(values.mean(dim=(2, 3)))
        return Ratings([logits[:, :, None, None]], features)
