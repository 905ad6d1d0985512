"""A critic of pixels that knows X̄(Y), the picture that samples lie around."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.metrics.contrast import local_contrast, opponent
from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.registry import critics

_SLOPE = 0.2
_WINDOW = 9  # pixels each way of the contrast
_FLAT = 0.02  # what is tolerated where there is none
_COLOUR_GAIN = 3.0
_UNIT = 0.6  # brings the differences of sources from X̄(Y) to about the spread of an image


@dataclass(frozen=True)
class PixelConfig(Config):
    """Widths at scales 1/2, 1/4, 1/8, ...; every scale but the first has logits of its own."""

    widths: tuple[int, ...] = (48, 96, 160, 224)

    def __post_init__(self) -> None:
        if not (2 <= len(self.widths) <= 6 and all(1 <= w <= 2048 for w in self.widths)):
            raise ValueError("2 to 6 widths of 1 to 2048")


@critics.register("pixel")
class PixelCritic(Critic):
    """A logit for each position at several scales; no normalization, He's initialization.

    It sees the image, its difference from X̄(Y), and the decoded file's, the differences in units of
    the contrast around: so it sees a weave or a grid on a flat wall as well as one in grass. Their
    colours are apart from their brightness, and larger: without that, dots of colour strewn over
    texture are too small a part of what it sees. Quick, of small reach, and blind to what things
    are: it goes together with ``projected``.
    """

    config_class = PixelConfig
    config: PixelConfig
    needs_mean = True

    def __init__(self, config: PixelConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = nn.Conv2d(36, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, wide, 4, stride=2, padding=1) for fine, wide in pairwise(widths)
        )
        self.same = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths)
        self.heads = nn.ModuleList(nn.Conv2d(w, 1, 3, padding=1) for w in widths[1:])
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, a=_SLOPE)
                nn.init.zeros_(module.bias)
        for parameter in self.heads.parameters():  # logits begin near 0, where the game is even
            parameter.data.mul_(0.3)

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """Logits at scales 1/4, 1/8, ..., and features: see :meth:`Critic.rate`."""
        assert mean is not None
        (images,), (jpegs,) = seen, decoded
        unit = self.tolerance(mean)
        changes = [opponent((seen - mean) / unit, _COLOUR_GAIN) for seen in (images, jpegs)]
        views = torch.cat([images - 0.5, *changes], dim=1)
        values = F.pixel_unshuffle(views, 2).contiguous(memory_format=torch.channels_last)
        values = F.leaky_relu(self.stem(values), _SLOPE)
        logits, features = [], []
        for scale, same in enumerate(self.same):
            if scale:
                values = F.leaky_relu(self.down[scale - 1](values), _SLOPE)
            values = F.leaky_relu(same(values), _SLOPE)
            features.append(values)
            if scale:
                logits.append(self.heads[scale - 1](values))
        return Ratings(logits, features)

    def tolerance(self, mean: Tensor) -> Tensor:
        """The unit of the differences: see :meth:`Critic.tolerance`."""
        return _UNIT * (local_contrast(mean, _WINDOW) + _FLAT)
