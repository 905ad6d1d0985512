"""A critic for training on a CPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.registry import critics


@dataclass(frozen=True)
class LightConfig(Config):
    """Widths at scales 1/2, 1/4, 1/8, ..., one convolution and a strided one for each."""

    widths: tuple[int, ...] = (48, 96, 192, 256)

    def __post_init__(self) -> None:
        if not (1 <= len(self.widths) <= 6 and all(1 <= w <= 2048 for w in self.widths)):
            raise ValueError("1 to 6 widths of 1 to 2048")


@critics.register("light")
class LightCritic(Critic):
    """A critic for training on a CPU: no normalization, a logit per patch, averaged.

    It sees the image and its difference from the decoded one, where the compression's own traces
    and the invented detail show. He's initialization (He et al. 2015): with PyTorch's default, the
    signal fades from layer to layer and the critic does not leave chance. The features are the
    outputs of the scales.
    """

    _SLOPE = 0.2
    _DIFFERENCE_GAIN = 4.0  # brings the difference to about the spread of an image

    config_class = LightConfig
    config: LightConfig

    def __init__(self, config: LightConfig) -> None:
        super().__init__()
        self.config = config
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

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """One logit an image, (N, 1, 1, 1), and features: see :meth:`Critic.rate`."""
        (images,), (jpegs,) = seen, decoded
        difference = (images - jpegs) * self._DIFFERENCE_GAIN
        values = F.pixel_unshuffle(torch.cat([images - 0.5, difference], dim=1), 2)
        values = self._active(self.stem(values.contiguous(memory_format=torch.channels_last)))
        features = []
        for scale, same in enumerate(self.same):
            if scale:
                values = self._active(self.down[scale - 1](values))
            values = self._active(same(values))
            features.append(values)
        logits: Tensor = self.head(values)
        return Ratings([logits.mean(dim=(1, 2, 3), keepdim=True)], features)

    def _active(self, values: Tensor) -> Tensor:
        return F.leaky_relu(values, self._SLOPE)
