"""What every generator family offers: files and noise in, samples out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn

from jpegx.jpeg.box import Box
from jpegx.jpeg.layout import Layout
from jpegx.models.config import Config
from jpegx.models.files import Files
from jpegx.models.noise import Noise, NoiseField
from jpegx.models.projection import project


@dataclass(frozen=True)
class Needs:
    """What a generator declares.

    ``multiple``: tiles must start at multiples of it, in pixels (and where units of the file do).
    ``halo``: pixels of context that a tile needs on each side. ``blend``: pixels over which
    neighbouring tiles must be mixed; 0 where the halo covers the receptive field, so that a tile
    equals the same part of the whole image. ``noise``: the fields it draws, none for a regression.
    ``consistent``: its pictures have their coefficients in their cells. ``types``: of numbers that
    it may compute in.
    """

    multiple: int
    halo: int
    blend: int = 0
    noise: tuple[NoiseField, ...] = ()
    consistent: bool = False
    types: tuple[torch.dtype, ...] = (torch.float32, torch.bfloat16)


@dataclass(frozen=True)
class Encoded:
    """The part of a generator's work that all samples share.

    ``features``: what the family keeps, at its own scales; nothing where all layers see noise.
    """

    files: Files
    features: tuple[Tensor, ...] = ()

    def crop(self, box: Box) -> "Encoded":
        """The part in a box of pixels that begins at a multiple of the generator's, and of units.

        So that a sample's own work can be done in a smaller part than what all samples share.
        """
        layout = self.files[0].layout
        cut = (_cut(feature, box, (layout.height, layout.width)) for feature in self.features)
        return Encoded([batch.crop(box) for batch in self.files], tuple(cut))


def _cut(feature: Tensor, box: Box, size: tuple[int, int]) -> Tensor:
    """A map (..., h, w) at a scale of its own, a power of 2, as is what is no map."""
    if feature.dim() < 4:
        return feature
    parts = []
    for first, last, length, count in (
        (box.top, box.bottom, size[0], feature.shape[-2]),
        (box.left, box.right, size[1], feature.shape[-1]),
    ):
        scale = 1
        while count * scale < length:
            scale *= 2
        # Maps may be padded beyond the edge of the picture.
        parts.append(slice(first // scale, count if last == length else -(-last // scale)))
    return feature[..., parts[0], parts[1]].contiguous()


class Generator(nn.Module, ABC):
    """A network that turns what files hold, and noise, into images they could have come from.

    ``family``, ``config_class``: the name and the configuration of the family. ``has_trunk``:
    whether X̄(Y), what comes without noise, is the work of a trunk that the samples stand on.
    ``ranges``: how large the features of its residual blocks are, where that was measured
    (:mod:`jpegx.models.int8`): by the name of each stage, for each of its blocks.
    """

    family: ClassVar[str]
    config_class: ClassVar[type[Config]]
    has_trunk: ClassVar[bool] = False
    config: Config
    needs: Needs
    ranges: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType({})

    @property
    def stochastic(self) -> bool:
        """Whether the output depends on noise."""
        return bool(self.needs.noise)

    def supports(self, layout: Layout) -> str | None:
        """Why it cannot decode files of a layout, for the user; None if it can."""
        return None

    def context(self, layout: Layout) -> int:
        """Pixels of context that tiles of such files need on each side, at most ``needs.halo``."""
        return self.needs.halo

    def learn_statistics(self, pictures: Iterable[Tensor]) -> None:
        """Take what the network knows of pictures before any training, uint8 (3, H, W) each."""

    @abstractmethod
    def encode(self, files: Files) -> Encoded:
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
        return project(images, encoded.files, samples) if self.needs.consistent else images

    @abstractmethod
    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering one sample, per pixel that the generator sees.

        ``itemsize``: bytes of one number of the type that the network computes in.
        """

    def forward(self, files: Files, noise: Noise, samples: int = 1) -> Tensor:
        """Encode and render: see :meth:`render`."""
        return self.render(self.encode(files), noise, samples)

    def trunk_parameters(self) -> list[nn.Parameter]:
        """Those of the trunk, all where there is none: what a regression trains."""
        return list(self.parameters())

    def head_parameters(self) -> list[nn.Parameter]:
        """Those beside the trunk, all where there is none: what samples are trained with."""
        return list(self.parameters())

    @property
    def dtype(self) -> torch.dtype:
        """The number type that the network computes in."""
        return next(self.parameters()).dtype
