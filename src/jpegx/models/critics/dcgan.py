"""The critic of DCGAN."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.registry import critics

_SLOPE = 0.2


@dataclass(frozen=True)
class DcganConfig(Config):
    """Widths at scales 1/2, 1/4, 1/8, ...; the default is what Radford et al. 2016 publish."""

    widths: tuple[int, ...] = (64, 128, 256, 512)

    def __post_init__(self) -> None:
        if not (1 <= len(self.widths) <= 6 and all(1 <= w <= 2048 for w in self.widths)):
            raise ValueError("1 to 6 widths of 1 to 2048")


@critics.register("dcgan")
class DcganCritic(Critic):
    """Radford et al. 2016, as Ehrlich et al. 2020 take it: 2.77 million parameters.

    Strided 4x4 convolutions without biases, batch normalization after all but the first, leaky
    ReLU of slope 0.2. It sees the image alone. What is one logit of 64x64 pixels is a map at
    larger sizes, averaged. Initialization: normal, of deviation 0.02 (theirs). The features are the
    outputs of the scales.
    """

    config_class = DcganConfig
    config: DcganConfig

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.widths)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, wide, 4, stride=2, padding=1, bias=False)
            for fine, wide in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(wide) for wide in widths[2:])
        self.head = nn.Conv2d(widths[-1], 1, 4, bias=False)
        for conv in (*self.down, self.head):
            nn.init.normal_(conv.weight, std=0.02)

    def check_patch(self, size: int) -> None:
        """See :meth:`Critic.check_patch`: the last convolution sees 4x4 positions."""
        least = 4 * 2 ** len(self.config.widths)
        if size < least:
            raise ValueError(f"the critic dcgan needs patches of {least} pixels, not {size}")

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """One logit an image, (N, 1, 1, 1), and features: see :meth:`Critic.rate`."""
        (images,) = seen
        values, features = 2 * images - 1, []
        for scale, conv in enumerate(self.down):
            values = conv(values)
            if scale:
                values = self.norms[scale - 1](values)
            values = F.leaky_relu(values, _SLOPE)
            features.append(values)
        logits: Tensor = self.head(values)
        return Ratings([logits.mean(dim=(1, 2, 3), keepdim=True)], features)
