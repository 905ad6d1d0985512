"""The generator of Man et al. 2022: residual-in-residual dense blocks with noise and FiLM."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.config import Config, option
from jpegx.models.dither import PLACES, dither
from jpegx.models.files import Files, decoded_rgb
from jpegx.models.fused import conv_relu
from jpegx.models.generator import Encoded, Generator, Needs
from jpegx.models.layers import (
    Film,
    NoiseInput,
    TableEmbedding,
    begin_as_he,
    modulate,
    repeat_samples,
)
from jpegx.models.noise import Noise, NoiseField, numbered
from jpegx.models.projection import BYTES_PER_PIXEL
from jpegx.models.registry import generators

_SLOPE = 0.2  # of the leaky ReLU, and the residual scale: both as in ESRGAN
_RESIDUAL = 0.2
# Pixels: where blocks matter, tiles begin at multiples of it, whatever the sampling (1, 2, 4).
_UNIT = 32

Draw = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RrdbConfig(Config):
    """Sizes; the defaults are those that Man et al. 2022 and Real-ESRGAN publish.

    ``growth``: features that each dense convolution adds. ``embedding``: size of the table
    embedding. ``tables``: FiLM by the file's tables; without, for files of one quality, as their
    faces. ``noise``: noise channels; without, the network is the regression of the paper.
    ``fresh_noise``: each convolution of a dense block sees noise of its own, not all that of the
    block.
    ``dither``: places in the cells are drawn as well (:mod:`jpegx.models.dither`); how strong they
    are is learnt. ``projection``: coefficients of the output are taken into their cells
    (:mod:`jpegx.models.projection`). The paper has neither.
    """

    blocks: int = 23
    features: int = 64
    growth: int = 32
    embedding: int = 64
    tables: bool = True
    fresh_noise: bool = option(False, "own")
    noise: bool = option(True, "noise")
    dither: bool = option(False, "sampler")
    projection: bool = option(False, "own")

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= 64:
            raise ValueError("blocks must be 1 to 64")
        if not all(1 <= n <= 1024 for n in (self.features, self.growth, self.embedding)):
            raise ValueError("features, growth and embedding must be 1 to 1024")


class DitherInput(NoiseInput):
    """Adds what the dither changes in features; at first as it is."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        nn.init.ones_(self.strength)
        nn.init.zeros_(self.slope)


class ConvWithNoise(nn.Conv2d):
    """3x3; its input is features, a channel of noise if the network has any, and what has grown."""

    def __init__(self, config: RrdbConfig, grown: int, outputs: int) -> None:
        super().__init__(config.features + config.noise + grown, outputs, 3, padding=1)
        self.noise_at = config.features

    def matched(self, weight: Tensor) -> Tensor:
        """Weight of the same layer, maybe without noise: see :class:`TakesNoise`."""
        at = self.noise_at
        more = self.weight.shape[1] - weight.shape[1]
        if more == 1:
            own = self.weight.detach()[:, at : at + 1].to(weight)
            return torch.cat([weight[:, :at], own, weight[:, at:]], dim=1)
        if more == -1:
            return torch.cat([weight[:, :at], weight[:, at + 1 :]], dim=1)
        return weight


class DenseBlock(nn.Module):
    """A noise channel is added, then five convolutions that each see all before them (ESRGAN).

    With ``fresh_noise`` each of the five sees another one.
    """

    def __init__(self, config: RrdbConfig) -> None:
        super().__init__()
        growth = config.growth
        self.fresh = config.noise and config.fresh_noise
        self.growing = nn.ModuleList(ConvWithNoise(config, i * growth, growth) for i in range(4))
        self.last = ConvWithNoise(config, 4 * growth, config.features)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                begin_as_he(module, 0.1)

    def forward(self, features: Tensor, draw: Draw) -> Tensor:
        """Features of the same shape."""
        seen = draw(features)
        inner = seen.shape[1]
        for convolution in self.growing:
            assert isinstance(convolution, ConvWithNoise)
            grown = conv_relu(seen, convolution.weight, convolution.bias, _SLOPE)
            if self.fresh:
                seen = _beside(draw(features), seen[:, inner:])
            seen = _beside(seen, grown)
        return torch.add(features, self.last(seen), alpha=_RESIDUAL)


class Rrdb(nn.Module):
    """Three dense blocks in a residual, then FiLM."""

    def __init__(self, config: RrdbConfig) -> None:
        super().__init__()
        self.dense = nn.ModuleList(DenseBlock(config) for _ in range(3))
        self.film = Film(config.embedding, config.features) if config.tables else None

    def forward(self, features: Tensor, embedding: Tensor | None, draw: Draw) -> Tensor:
        """Features of the same shape."""
        inner = features
        for block in self.dense:
            inner = block(inner, draw)
        return _by_tables(torch.add(features, inner, alpha=_RESIDUAL), self.film, embedding)


@generators.register("rrdb")
class RrdbGenerator(Generator):
    """Man et al. 2022, Fig. 5 and A.1. 17.0 million parameters, 4.25 million multiply-adds a pixel.

    Pixel-unshuffle of 2, 23 RRDBs of 64 features with a noise channel before each dense block and
    FiLM after each RRDB, a convolution with a skip around the trunk, an up-sampling block with
    noise and FiLM, two convolutions. What the paper leaves open is decided so:

    - The trunk's closing convolution, its skip, the two last convolutions, the residual scale of
      0.2 and the initialization are Real-ESRGAN's: He's times 0.1 in the dense blocks, PyTorch's
      own elsewhere. (Each RRDB then begins as a factor of 1.2, which the small gain of the other
      convolutions makes up for.)
    - The up-sampling block repeats pixels (nearest), then adds noise at full resolution, so that
      noise can make detail of single pixels; then a convolution, leaky ReLU, FiLM.
    - FiLM takes its scale and shift from one embedding of all the components' tables (logarithms of
      the steps) and the sampling factors: two fully connected layers of 64, shared by all blocks,
      and a linear layer for each block. It begins as the identity.
    - Images lie around 0 inside: 0.5 is taken from the input and added to the output, which is the
      image itself, not a change of the input. The last convolution is always computed in float32,
      since bfloat16 has only 8 bits for the image.
    - Borders are padded with zeros in each convolution, and odd sizes by repeating pixels.

    Its receptive field is 700 pixels each way, but what lies further than some tens of pixels
    hardly counts: tiles see 64 pixels around them and are blended over 32.
    """

    config_class = RrdbConfig
    config: RrdbConfig

    def __init__(self, config: RrdbConfig) -> None:
        super().__init__()
        self.config = config
        self.dithers = config.noise and config.dither
        self.needs = Needs(
            _UNIT if self.dithers or config.projection else 2,
            halo=64,
            blend=32,
            noise=_noise_fields(config),
            consistent=config.projection,
        )
        features = config.features
        self.embedding = TableEmbedding(config.embedding) if config.tables else None
        self.stem = nn.Conv2d(12, features, 3, padding=1)
        self.noise = DitherInput(features) if self.dithers else None
        self.trunk = nn.ModuleList(Rrdb(config) for _ in range(config.blocks))
        self.close = nn.Conv2d(features, features, 3, padding=1)
        self.up = ConvWithNoise(config, 0, features)
        self.up_film = Film(config.embedding, features) if config.tables else None
        self.fine = nn.Conv2d(features, features, 3, padding=1)
        self.last = nn.Conv2d(features, 3, 3, padding=1)

    def encode(self, files: Files) -> Encoded:
        """The files alone: noise enters at the first layer."""
        return Encoded(files)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        files, decoded = encoded.files, decoded_rgb(encoded.files)
        height, width = decoded.shape[2:]
        stem = self.stem(self._unshuffled(decoded - 0.5))
        stem = repeat_samples(stem, samples).contiguous(memory_format=torch.channels_last)
        embedding = None if self.embedding is None else self.embedding(files)
        fields = iter(self.needs.noise)
        places = next(fields) if self.dithers else None
        if self.noise is not None and places is not None and not noise.is_zero:
            values = self._unshuffled(dither(files, noise, places, samples))
            values = F.conv2d(values, self.stem.weight, padding=1)
            stem = self.noise(stem, values)
            del values
        draw = self._drawer(noise, fields, files, samples)
        features = stem
        for block in self.trunk:
            features = block(features, embedding, draw)
        features = self.close(features).add_(stem)
        features = F.interpolate(features, scale_factor=2, mode="nearest")
        features = draw(features)
        features = conv_relu(features, self.up.weight, self.up.bias, _SLOPE)
        features = _by_tables(features, self.up_film, embedding)
        features = conv_relu(features, self.fine.weight, self.fine.bias, _SLOPE)
        return _in_float32(self.last, features)[:, :, :height, :width] + 0.5

    def _unshuffled(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) of any size, in 12 channels of half the size."""
        height, width = images.shape[2:]
        padded = F.pad(images, (0, width % 2, 0, height % 2), mode="replicate")
        values = F.pixel_unshuffle(padded.to(self.dtype), 2)
        return values.contiguous(memory_format=torch.channels_last)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        # At full resolution: three maps of features, one of them in float32 for the last layer.
        drawing = self.config.features * (3 * itemsize + 4) + 60
        return max(drawing, BYTES_PER_PIXEL) if self.config.projection else drawing

    def _drawer(
        self, noise: Noise, fields: Iterator[NoiseField], files: Files, samples: int
    ) -> Draw:
        """Adds the noise channel of the next field to features; without noise, nothing."""
        if not self.config.noise:
            return lambda features: features

        def draw(features: Tensor) -> Tensor:
            field, (top, left) = next(fields), files[0].origin
            start = (top // field.scale, left // field.scale)
            return _beside(features, noise.draw(field, features, start, samples))

        return draw


def _by_tables(features: Tensor, film: Film | None, embedding: Tensor | None) -> Tensor:
    if film is None or embedding is None:
        return features
    return modulate(features, film(embedding))


def _noise_fields(config: RrdbConfig) -> tuple[NoiseField, ...]:
    """Places in the cells, a channel for each dense block, and one at full resolution."""
    if not config.noise:
        return ()
    each = 5 if config.fresh_noise else 1
    blocks = [NoiseField(1, 2)] * (3 * config.blocks * each)
    return numbered([*([PLACES] if config.dither else []), *blocks, NoiseField(1, 1)])


def _beside(first: Tensor, second: Tensor) -> Tensor:
    """Concatenation of the channels that stays in channels_last.

    ``torch.cat`` on its own takes a single channel of noise for the default layout, and the result
    with it, which makes the generator several times slower.
    """
    return torch.cat([first.permute(0, 2, 3, 1), second.permute(0, 2, 3, 1)], 3).permute(0, 3, 1, 2)


def _in_float32(conv: nn.Conv2d, features: Tensor) -> Tensor:
    assert conv.bias is not None
    with torch.autocast(features.device.type, enabled=False):
        weight, bias = conv.weight.float(), conv.bias.float()
        return F.conv2d(features.float(), weight, bias, padding=conv.padding)
