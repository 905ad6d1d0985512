"""What every generator family offers: conditions and noise in, samples out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from jpegx.models.conditioning import Conditions
from jpegx.models.config import Config
from jpegx.models.noise import Noise
from jpegx.models.projection import project


@dataclass(frozen=True)
class Encoded:
    """The part of a generator's work that all samples share.

    ``features``: what the family keeps, at its own scales; nothing where all layers see noise.
    """

    conditions: Conditions
    features: tuple[Tensor, ...] = ()


class Generator(nn.Module, ABC):
    """A network that turns what a file holds, and noise, into images it could have come from.

    ``family``, ``config_class``: the name and the configuration of the family. ``multiple``: tiles
    must start at multiples of it, in pixels. ``halo``: pixels of context that a tile needs on each
    side. ``blend``: pixels over which neighbouring tiles must be mixed; 0 where the halo covers the
    receptive field, so that a tile equals the same part of the whole image. ``stochastic``: whether
    the output depends on the noise. ``projects``: whether the coefficients of the output are taken
    into their cells (:mod:`jpegx.models.projection`).
    """

    family: ClassVar[str]
    config_class: ClassVar[type[Config]]
    config: Config
    multiple: int
    halo: int
    blend: int
    stochastic: bool
    projects: bool

    @abstractmethod
    def encode(self, conditions: Conditions) -> Encoded:
        """The noise-free part, computed once for all samples of the files."""

    @abstractmethod
    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        """What :meth:`render` gives, not projected."""

    def render(self, encoded: Encoded, noise: Noise, samples: int = 1) -> Tensor:
        """Images, float32 (N * samples, 3, H, W) in gray levels / 255, not clipped.

        Sample s of file n is image n * samples + s. A gray file's image is the mean of the three
        channels.
        """
        images = self._images(encoded, noise, samples)
        return project(images, encoded.conditions, samples) if self.projects else images

    @abstractmethod
    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering one sample, per pixel that the generator sees.

        ``itemsize``: bytes of one number of the type that the network computes in.
        """

    def forward(self, conditions: Conditions, noise: Noise, samples: int = 1) -> Tensor:
        """Encode and render: see :meth:`render`."""
        return self.render(self.encode(conditions), noise, samples)

    @property
    def dtype(self) -> torch.dtype:
        """The number type that the network computes in."""
        return next(self.parameters()).dtype
