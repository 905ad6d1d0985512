"""A critic on the features of a frozen ImageNet network (Sauer et al. 2021, Projected GANs)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.metrics.frozen_network import FrozenNetwork
from jpegx.models.config import Config
from jpegx.models.critic import Critic, Ratings
from jpegx.models.registry import critics

_SLOPE = 0.2


@dataclass(frozen=True)
class ProjectedConfig(Config):
    """Strides of the features in pixels, and the widths of the two layers of each head."""

    strides: tuple[int, ...] = (2, 4, 8, 16)
    widths: tuple[int, ...] = (96, 64)

    def __post_init__(self) -> None:
        if not self.strides or len(set(self.strides)) < len(self.strides):
            raise ValueError("strides must be given, each once")
        if len(self.widths) != 2 or not all(1 <= w <= 2048 for w in self.widths):
            raise ValueError("2 widths of 1 to 2048")


class _Head(nn.Module):
    """A map of logits of the features at one stride.

    Spectral normalization (Miyato et al. 2018) keeps it from running ahead. ``spread``: of each
    channel, measured on the first batch (Salimans and Kingma 2016), 0 before.
    """

    spread: Tensor

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        first, second = widths
        self.first = nn.Conv2d(2 * channels, first, 1)
        self.second = nn.Conv2d(first, second, 3, padding=1)
        self.last = nn.Conv2d(second, 1, 3, padding=1)
        for layer in (self.first, self.second, self.last):
            spectral_norm(layer)
        self.register_buffer("spread", torch.zeros(1, channels, 1, 1))
        self._measured = False

    def forward(self, seen: Tensor, decoded: Tensor) -> Tensor:
        if not self._measured and not self.spread.any():
            self.spread.copy_(seen.detach().float().std(dim=(0, 2, 3), keepdim=True) + 1e-3)
        self._measured = True  # a GPU is not to be waited for in every step
        # All differences from the JPEG's features are what was added to the file's picture.
        values = torch.cat([seen, seen - decoded], dim=1) / self.spread.repeat(1, 2, 1, 1)
        # Norms are not for bfloat16, nor do a GPU's autocast and their vectors go together.
        with torch.autocast(seen.device.type, enabled=False):
            first, second, last = (
                (layer.weight, layer.bias) for layer in (self.first, self.second, self.last)
            )
        values = F.leaky_relu(F.conv2d(values, *first), _SLOPE)
        values = F.leaky_relu(F.conv2d(values, *second, padding=1), _SLOPE)
        return F.conv2d(values, *last, padding=1)


@critics.register("projected")
class ProjectedCritic(Critic):
    """Small heads on features of EfficientNet-Lite0, at several strides.

    Each sees the image's features and their difference from those of the decoded file. The network
    is not part of the weights. Raises MissingNetwork if it is not installed (extra ``perceptual``),
    ValueError for a stride that it has not.
    """

    config_class = ProjectedConfig
    config: ProjectedConfig

    def __init__(self, config: ProjectedConfig) -> None:
        super().__init__()
        self.config = config
        network = EfficientNetLite0.installed()
        self._frozen: list[FrozenNetwork] = [network]  # in a list, it is no part of the weights
        channels = {
            stride: features.shape[1]
            for stride, features in network.features(torch.zeros(1, 3, 32, 32)).items()
        }
        unknown = set(config.strides) - set(channels)
        if unknown:
            known = ", ".join(map(str, channels))
            raise ValueError(f"no features at stride {min(unknown)}; there are {known}")
        self.heads = nn.ModuleList(_Head(channels[s], config.widths) for s in config.strides)

    def look(self, images: Tensor) -> list[Tensor]:
        """Features by stride: see :meth:`Critic.look`."""
        found = self._frozen[0].features(images.contiguous(memory_format=torch.channels_last))
        return [found[stride] for stride in self.config.strides]

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """Logits at each stride, no features: see :meth:`Critic.rate`."""
        views = zip(self.heads, seen, decoded, strict=True)
        return Ratings([head(ours, theirs) for head, ours, theirs in views], [])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "ProjectedCritic":
        # What moves the critic to a device moves the network that it stands on.
        self._frozen[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self
