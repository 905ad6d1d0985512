"""The critic of Guo and Chao 2017: DCGAN's with each of its units doubled."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.jpeg.color import luma
from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.layers import begin_as_he
from jpegx.models.registry import critics

_SLOPE = 0.2


@dataclass(frozen=True)
class Dcgan2Config(Config):
    """``patch``: pixels of an image each way, which the classifier is made for.

    ``channels``: 3, or 1 where luma alone is restored. ``widths``: of the four units.
    """

    patch: int = 48
    channels: int = 3
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def __post_init__(self) -> None:
        if not 16 <= self.patch <= 1024 or self.patch % 16:
            raise ValueError("patch must be a multiple of 16, up to 1024")
        if self.channels not in (1, 3):
            raise ValueError("channels must be 1 or 3")
        if len(self.widths) != 4 or not all(1 <= w <= 2048 for w in self.widths):
            raise ValueError("4 widths of 1 to 2048")


class DoubleUnit(nn.Module):
    """Two convolutions of 4x4, the second of stride 2, with batch normalization and leaky ReLU.

    The first is padded to the same size. The last unit ends with its convolution.
    """

    def __init__(self, inputs: int, outputs: int, *, last: bool) -> None:
        super().__init__()
        self.same = nn.Conv2d(inputs, outputs, 4)
        self.same_norm = nn.BatchNorm2d(outputs)
        self.down = nn.Conv2d(outputs, outputs, 4, stride=2, padding=1)
        self.down_norm = None if last else nn.BatchNorm2d(outputs)
        begin_as_he(self.same)
        begin_as_he(self.down)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, outputs, h / 2, w / 2)."""
        inner = self.same_norm(self.same(F.pad(features, (1, 2, 1, 2))))
        result: Tensor = self.down(F.leaky_relu(inner, _SLOPE))
        if self.down_norm is None:
            return result
        return F.leaky_relu(self.down_norm(result), _SLOPE)


@critics.register("dcgan2")
class Dcgan2Critic(Critic):
    """Guo and Chao 2017, Table 1: 8.3 million parameters, one logit by logistic regression.

    It sees the images alone, of the size that its configuration says. The features are the outputs
    of the four units. Sources and samples are normalized apart where they are rated apart.
    """

    config_class = Dcgan2Config
    config: Dcgan2Config

    def __init__(self, config: Dcgan2Config) -> None:
        super().__init__()
        self.config = config
        widths = (config.channels, *config.widths)
        self.units = nn.ModuleList(
            DoubleUnit(widths[i], widths[i + 1], last=i == 3) for i in range(4)
        )
        self.classifier = nn.Linear(config.widths[-1] * (config.patch // 16) ** 2, 1)

    def check_patch(self, size: int) -> None:
        """See :meth:`Critic.check_patch`: its classifier is made for one size."""
        if size != self.config.patch:
            raise ValueError(
                f"the critic dcgan2 is made for patches of {self.config.patch} pixels, not {size}: "
                "give patch in its config"
            )

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """One logit an image, (N, 1, 1, 1), and features: see :meth:`Critic.rate`."""
        (images,) = seen
        if self.config.channels == 1:
            images = luma(images)
        values = (images - 0.5).contiguous(memory_format=torch.channels_last)
        features = []
        for unit in self.units:
            values = unit(values)
            features.append(values)
        logits: Tensor = self.classifier(values.flatten(1))
        return Ratings([logits[:, :, None, None]], features)
