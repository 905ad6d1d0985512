"""A U-Net that a machine without a GPU can run, by itself or as the trunk of the default."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.config import Config, option
from jpegx.models.dither import PLACES, dither
from jpegx.models.files import Files, decoded_rgb
from jpegx.models.generator import Encoded, Generator, Needs
from jpegx.models.layers import ResidualBlocks, TableEmbedding, add_enlarged, repeat_samples
from jpegx.models.noise import Noise, NoiseField, ZeroNoise, numbered
from jpegx.models.projection import BYTES_PER_PIXEL, project
from jpegx.models.registry import generators
from jpegx.models.transfer import Droppable

# Pixels: where blocks matter, tiles begin at multiples of it, whatever the sampling (1, 2, 4).
_UNIT = 32


@dataclass(frozen=True)
class UnetConfig(Config):
    """Widths and residual blocks per scale, from the finest (1/2) to the coarsest.

    ``embedding``: size of the table embedding. ``noise``: noise in the decoder's blocks; without,
    the network is a regression. ``dither``: places in the cells are drawn as well, where there is
    noise (:mod:`jpegx.models.dither`). ``projection``: coefficients of the output are taken into
    their cells (:mod:`jpegx.models.projection`).
    """

    widths: tuple[int, ...] = (64, 128, 192)
    encoder: tuple[int, ...] = option((4, 2, 1), "depth")
    decoder: tuple[int, ...] = option((3, 2, 1), "depth")
    embedding: int = 64
    noise: bool = option(True, "noise")
    dither: bool = option(False, "sampler")
    projection: bool = option(False, "own")

    def __post_init__(self) -> None:
        if not 1 <= len(self.widths) == len(self.encoder) == len(self.decoder) <= 5:
            raise ValueError("widths, encoder and decoder must have one number per scale, 1 to 5")
        if not all(1 <= w <= 2048 for w in (*self.widths, self.embedding)):
            raise ValueError("widths and embedding must be 1 to 2048")
        if not all(0 <= b <= 64 for b in (*self.encoder, *self.decoder)):
            raise ValueError("blocks per scale must be 0 to 64")


class DitherStem(Droppable, nn.Conv2d):
    """What the dither changes in the first features; nothing at first."""

    def __init__(self, width: int) -> None:
        super().__init__(12, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.weight)


@generators.register("unet")
class Unet(Generator):
    """Plain residual blocks at three scales over a pixel-unshuffle of 2, FiLM on the tables.

    The encoder has no noise inputs; each block of the decoder, which begins at the coarsest scale,
    has one of its own. Dither is added to the decoded image before all else, so that with it each
    sample has an encoder's work of its own; without, all samples share it. Scales are 2, 4 and 8
    pixels: at the coarsest, one position is one 8x8 block of a component that is not down-sampled.
    Down: 2x2 convolutions of stride 2; up: 1x1 convolutions and pixel-shuffle; skips are added.
    Their result is a change of this image, dithered or not, zero before training. A projection of
    the coefficients may follow.

    The default has 3.5 million parameters and costs 0.23 million multiply-adds a pixel, 0.11
    million of them in the decoder, which is what further samples cost without dither. It was chosen
    among shapes that were trained for 4 minutes of two cores each (recipe ``compact``, but with
    Adam, regression only, without projection; blocks from the finest scale to the coarsest; gain
    over the JPEG on every second image of live1, RGB, 4:2:0):

    ===================  =======  =======  ==========  ==========  =====  ==========  ==========
    widths               encoder  decoder  parameters  MACs/pixel  steps  quality 10  quality 40
    ===================  =======  =======  ==========  ==========  =====  ==========  ==========
    64, 128, 192         4, 2, 1  3, 2, 1  3.50 M      0.234 M       911  +1.15 dB    +1.15 dB
    64, 128              3, 5     3, 4     3.40 M      0.284 M       858  +1.12 dB    +1.12 dB
    64, 128, 192         2, 3, 2  2, 2, 2  4.94 M      0.218 M       983  +1.10 dB    +1.10 dB
    64, 128, 192         1, 4, 2  1, 3, 2  5.40 M      0.218 M      1031  +1.05 dB    +1.01 dB
    ===================  =======  =======  ==========  ==========  =====  ==========  ==========

    So blocks are best spent at the finest scale. With Muon the first row reaches +1.30 and +1.33 dB
    in the same time.
    """

    config_class = UnetConfig
    config: UnetConfig

    def __init__(self, config: UnetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        dithers = config.noise and config.dither
        self.needs = Needs(
            max(_coarsest(config), _UNIT if dithers or config.projection else 1),
            _halo(config),
            noise=_noise_fields(config),
            consistent=config.projection,
        )
        self.embedding = TableEmbedding(config.embedding)
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.noise = DitherStem(widths[0]) if dithers else None
        self.encoder = _stages(config, config.encoder, noisy=False)
        self.decoder = _stages(config, config.decoder, noisy=config.noise)
        steps = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(fine, wide, 2, stride=2) for fine, wide in steps)
        self.up = nn.ModuleList(nn.Conv2d(wide, 4 * fine, 1) for fine, wide in steps)
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def encode(self, files: Files) -> Encoded:
        """Features of each scale, finest first; with dither each sample has its own, and here none.

        The table embedding is last.
        """
        embedding = self.embedding(files)
        if self.noise is not None:
            return Encoded(files, (embedding,))
        return Encoded(files, (*self._features(decoded_rgb(files), embedding), embedding))

    def _features(
        self, images: Tensor, embedding: Tensor, change: Tensor | None = None
    ) -> list[Tensor]:
        """Features of images (N, 3, H, W) at each scale; ``change``: their part that is dither."""
        features = self.stem(self._unshuffled(images - 0.5))
        if self.noise is not None and change is not None:
            # The image does not tell how far from the middle of its cell a place is.
            features = features + self.noise(self._unshuffled(change))
        kept: list[Tensor] = []
        for scale, stage in enumerate(self.encoder):
            if scale:
                features = self.down[scale - 1](features)
            features = stage(features, embedding)
            kept.append(features)
        return kept

    def render_with_features(self, files: Files) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The picture of a regression, and its features on the way down and on the way up.

        Of the picture see :meth:`Generator.render`; features (N, width, h, w), finest first.
        """
        encoded = self.encode(files)
        up: list[Tensor] = []
        images = self._images(encoded, ZeroNoise(), 1, up)
        picture = project(images, files, 1) if self.needs.consistent else images
        return picture, list(encoded.features[:-1]), up[::-1]

    def _images(
        self, encoded: Encoded, noise: Noise, samples: int, seen: list[Tensor] | None = None
    ) -> Tensor:
        files, (*kept, embedding) = encoded.files, encoded.features
        shared, fields = samples, iter(self.needs.noise)  # how many samples have the same skips
        decoded = repeat_samples(decoded_rgb(files), samples)
        if self.noise is not None:
            change = dither(files, noise, next(fields), samples)
            decoded = decoded + change
            kept = self._features(decoded, embedding, change)
            shared = 1
        *skips, coarsest = kept
        features = repeat_samples(coarsest, shared)
        features = features.contiguous(memory_format=torch.channels_last)
        for scale in reversed(range(len(self.decoder))):
            if scale < len(skips):
                up = cast(nn.Conv2d, self.up[scale])
                features = add_enlarged(up, features, skips[scale])
            draw = drawer(noise, fields, files, samples)
            features = self.decoder[scale](features, embedding, draw)
            if seen is not None:
                seen.append(features)
        change = F.pixel_shuffle(self.head(features).to(decoded.dtype), 2)
        height, width = decoded.shape[2:]
        return decoded + change[:, :, :height, :width]

    def _unshuffled(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) of whole coarsest positions, in 12 channels of half the size."""
        height, width = images.shape[2:]
        size = _coarsest(self.config)
        padded = F.pad(images, (0, -width % size, 0, -height % size), mode="replicate")
        values = F.pixel_unshuffle(padded.to(self.dtype), 2)
        return values.contiguous(memory_format=torch.channels_last)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        kept = sum(width / (4 << 2 * i) for i, width in enumerate(self.config.widths))
        # Beside the features kept of each scale, four maps of the finest; and float32 images.
        images = 60 if self.noise is None else 116
        drawing = itemsize * (kept + self.config.widths[0]) + images
        projecting = itemsize * kept + BYTES_PER_PIXEL if self.config.projection else 0
        return ceil(max(drawing, projecting))


def _coarsest(config: UnetConfig) -> int:
    """Pixels that one position of the coarsest scale spans each way."""
    return int(2 ** len(config.widths))


def _noise_fields(config: UnetConfig) -> tuple[NoiseField, ...]:
    """Places in the cells, then one channel for each block of the decoder, coarsest first."""
    if not config.noise:
        return ()
    blocks = list(enumerate(config.decoder))
    scales = [2 << scale for scale, number in reversed(blocks) for _ in range(number)]
    return numbered([*([PLACES] if config.dither else []), *(NoiseField(1, s) for s in scales)])


def _stages(config: UnetConfig, blocks: tuple[int, ...], *, noisy: bool) -> nn.ModuleList:
    """One stage per scale."""
    return nn.ModuleList(
        ResidualBlocks(width, number, config.embedding, noisy=noisy)
        for width, number in zip(config.widths, blocks, strict=True)
    )


def drawer(
    noise: Noise, fields: Iterator[NoiseField], files: Files, samples: int
) -> Callable[[Tensor], Tensor] | None:
    """Noise for one feature map after the other, each of the next field."""
    if noise.is_zero:  # adding zeros costs a pass over the features
        return None

    def draw(features: Tensor) -> Tensor:
        field, (top, left) = next(fields), files[0].origin
        return noise.draw(field, features, (top // field.scale, left // field.scale), samples)

    return draw


def _halo(config: UnetConfig) -> int:
    """Receptive field to each side, in pixels: the way of a change from the input to the output."""
    scales = [2 << i for i in range(len(config.widths))]
    reach = scales[0]  # the head
    for scale, blocks in zip(scales, config.decoder, strict=True):
        reach = -(-reach // scale) * scale + 2 * scale * blocks
    for scale, blocks in zip(reversed(scales), reversed(config.encoder), strict=True):
        reach += 2 * scale * blocks
    return -(-(reach + scales[0]) // scales[-1]) * scales[-1]
