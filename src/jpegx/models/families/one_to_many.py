"""The one-to-many network of Guo and Chao 2017: a branch for the picture, a branch for noise."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.jpeg.color import luma
from jpegx.models.config import Config, option
from jpegx.models.files import Files, decoded_rgb
from jpegx.models.fused import conv_add, conv_relu
from jpegx.models.generator import Encoded, Generator, Needs
from jpegx.models.layers import ResidualBlock, TableEmbedding, begin_as_he, repeat_samples
from jpegx.models.noise import Noise, NoiseField, numbered
from jpegx.models.projection import BYTES_PER_PIXEL
from jpegx.models.registry import generators
from jpegx.models.transfer import Droppable

# Pixels: where blocks matter, tiles begin at multiples of it, whatever the sampling (1, 2, 4).
_UNIT = 32
# How each of the two pixels that a position becomes depends on the positions before, at and after
# it, by the four weights of the transposed convolution: (pixels, positions, weights).
_PLAIN = (
    ((0, 0, 0, 1), (0, 1, 0, 0), (0, 0, 0, 0)),
    ((0, 0, 0, 0), (0, 0, 1, 0), (1, 0, 0, 0)),
)
_AVERAGED = (
    ((0, 0, 0.5, 0.5), (0.5, 0.5, 0, 0), (0, 0, 0, 0)),
    ((0, 0, 0, 0.5), (0, 0.5, 0.5, 0), (0.5, 0, 0, 0)),
)


@dataclass(frozen=True)
class OneToManyConfig(Config):
    """Sizes; the defaults are those of Guo and Chao 2017 (Fig. 3) for colour.

    ``channels``: 3, or 1 for the network of Table 2, which restores luma. ``branch``, ``trunk``:
    residual units of each branch, and after both are joined. ``noise``: without, the network is the
    paper's baseline, a regression. ``tables``, ``skip``, ``projection`` are ours: one network for
    all tables, whose units have FiLM in the place of batch normalization; the output is a change of
    the decoded picture, not a picture; coefficients are taken into their cells
    (:mod:`jpegx.models.projection`). ``embedding``: size of the table embedding.
    """

    channels: int = 3
    features: int = 64
    branch: int = 5
    trunk: int = 10
    shift_and_average: bool = True
    tables: bool = False
    embedding: int = 64
    skip: bool = False
    noise: bool = option(True, "noise")
    projection: bool = option(False, "own")

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError("channels must be 1 or 3")
        if not all(1 <= n <= 1024 for n in (self.features, self.embedding)):
            raise ValueError("features and embedding must be 1 to 1024")
        if not all(0 <= n <= 64 for n in (self.branch, self.trunk)):
            raise ValueError("branch and trunk must be 0 to 64")


class PreActivationUnit(nn.Module):
    """Normalization, ReLU, 3x3 convolution, all twice, beside the identity (He et al. 2016b)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first_norm = nn.BatchNorm2d(features)
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(features)
        self.second = nn.Conv2d(features, features, 3, padding=1)
        begin_as_he(self.first)
        begin_as_he(self.second)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape."""
        inner = self.first(self.first_norm(features).relu_())
        inner = self.second_norm(inner).relu_()
        return conv_add(inner, self.second.weight, self.second.bias, features)


class Up(nn.Module):
    """A transposed convolution of 4x4 and stride 2, then shift-and-average (3.2.2, Fig. 4).

    The mean of its result and the three copies of it that are shifted by a pixel right, down and
    both: so what is constant stays constant, whatever the weights. That is one transposed
    convolution of 5x5, and that a 3x3 convolution to the four pixels that each position becomes.
    Features are repeated at the borders, so that it holds there too.
    """

    def __init__(self, features: int, channels: int, *, averaged: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, channels, 4, 4))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.phases = _AVERAGED if averaged else _PLAIN
        bound = (6 / (4 * features)) ** 0.5  # He's: each pixel is a sum of 4 weights a feature
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, features: Tensor) -> Tensor:
        """Float32 (N, channels, 2 h, 2 w) of features (N, c, h, w), whatever their type."""
        with torch.autocast(features.device.type, enabled=False):
            phases = features.new_tensor(self.phases, dtype=torch.float32)
            weight = torch.einsum("icab,pya,qxb->cpqiyx", self.weight.float(), phases, phases)
            padded = F.pad(features.float(), (1, 1, 1, 1), mode="replicate")
            padded = padded.contiguous(memory_format=torch.channels_last)
            pixels = F.conv2d(padded, weight.flatten(0, 2), self.bias.float().repeat_interleave(4))
            return F.pixel_shuffle(pixels, 2)


class NoiseBranch(Droppable, nn.Module):
    """The branch of the noise, and the convolution that joins it to the picture's features.

    Its weights are told from the identity of those: so a sampler begins near its regression, and a
    network without the branch is one whose branch has weights of 0.
    """

    def __init__(self, config: OneToManyConfig) -> None:
        super().__init__()
        features = config.features
        self.first = nn.Conv2d(1, features, 3, padding=1)
        self.units = _units(config, config.branch)
        self.join = nn.Conv2d(2 * features, features, 3, padding=1)
        begin_as_he(self.first)
        begin_as_he(self.join, 0.1)

    def forward(self, features: Tensor, noise: Tensor, embedding: Tensor | None) -> Tensor:
        """Features (N * samples, c, h, w), of the picture's (N, c, h, w) and noise of one channel.

        Concatenation and convolution, in two parts: samples share that of the picture.
        """
        drawn = conv_relu(noise, self.first.weight, self.first.bias)
        drawn = _through(self.units, drawn, embedding)
        shared, own = self.join.weight.split(features.shape[1], dim=1)
        picture = F.conv2d(features, shared, self.join.bias, padding=1) + features
        picture = repeat_samples(picture, len(noise) // len(features))
        return conv_add(drawn, own.contiguous(), None, picture)


@generators.register("one-to-many")
class OneToMany(Generator):
    """Guo and Chao 2017, Fig. 3: one field of noise, one picture. 1.6 million parameters.

    0.40 million multiply-adds a pixel, of which 0.09 million, the branch of the decoded picture,
    are shared by all samples of a file. All work is done at half resolution. What the paper leaves
    open is decided so:

    - Noise has one channel at half resolution, drawn once; the decoded picture alone is scaled
      down. One ReLU follows the first convolution of each branch; a convolution joins them; ReLU,
      convolution and ReLU stand before the transposed convolution.
    - Convolutions have biases, and begin as He's uniform ones; the one that joins begins near the
      identity of the picture's features.
    - Images lie around 0 inside: 0.5 is taken from the input and added to the output.
    - Borders are padded with zeros in each convolution, and odd sizes by repeating pixels.
    - A network of one channel restores luma (JFIF's); chroma stays as it is decoded.

    Without noise the branch and what joins it are left out, as in the paper's baseline.
    """

    config_class = OneToManyConfig
    config: OneToManyConfig

    def __init__(self, config: OneToManyConfig) -> None:
        super().__init__()
        self.config = config
        # Half-resolution positions: two a unit, one each for joining, the last two layers.
        reach = 2 * (2 * (config.branch + config.trunk) + 3) + 2
        self.needs = Needs(
            _UNIT if config.projection else 2,
            halo=-(-reach // 8) * 8,
            noise=numbered([NoiseField(1, 2)]) if config.noise else (),
            consistent=config.projection,
        )
        features = config.features
        self.embedding = TableEmbedding(config.embedding) if config.tables else None
        self.down = nn.Conv2d(config.channels, features, 4, stride=2, padding=1)
        self.picture = _units(config, config.branch)
        self.noise = NoiseBranch(config) if config.noise else None
        self.trunk = _units(config, config.trunk)
        self.close = nn.Conv2d(features, features, 3, padding=1)
        self.up = Up(features, config.channels, averaged=config.shift_and_average)
        begin_as_he(self.down)
        begin_as_he(self.close)
        if config.skip:
            nn.init.zeros_(self.up.weight)

    def encode(self, files: Files) -> Encoded:
        """The features of the decoded picture's branch, and the table embedding if there is one."""
        seen = self._channels(decoded_rgb(files)) - 0.5
        height, width = seen.shape[2:]
        seen = F.pad(seen, (0, width % 2, 0, height % 2), mode="replicate").to(self.dtype)
        features = self.down(seen.contiguous(memory_format=torch.channels_last)).relu_()
        embedding = None if self.embedding is None else self.embedding(files)
        features = _through(self.picture, features, embedding)
        return Encoded(files, (features,) if embedding is None else (features, embedding))

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        picture, *more = encoded.features
        embedding = more[0] if more else None
        top, left = encoded.files[0].origin
        if self.noise is None or noise.is_zero:
            features = repeat_samples(picture, samples)
        else:
            like = picture.new_empty(len(picture) * samples, 1, *picture.shape[2:])
            drawn = noise.draw(self.needs.noise[0], like, (top // 2, left // 2), samples)
            drawn = drawn.contiguous(memory_format=torch.channels_last)
            features = self.noise(picture, drawn, embedding)
        features = _through(self.trunk, features, embedding).relu()
        features = conv_relu(features, self.close.weight, self.close.bias)
        decoded = decoded_rgb(encoded.files)
        height, width = decoded.shape[2:]
        restored: Tensor = self.up(features)[:, :, :height, :width]
        if not self.config.skip:
            if self.config.channels == 3:
                return restored + 0.5
            # A change of luma alone is the same in red, green and blue.
            restored = restored + (0.5 - repeat_samples(self._channels(decoded), samples))
        return repeat_samples(decoded, samples) + restored

    def _channels(self, decoded: Tensor) -> Tensor:
        """What the network sees of decoded images (N, 3, H, W)."""
        return decoded if self.config.channels == 3 else luma(decoded)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        # Maps of features at half resolution, one of them in float32 for the last layer.
        drawing = self.config.features * (3 * itemsize + 5) // 4 + 70
        return max(drawing, BYTES_PER_PIXEL) if self.config.projection else drawing


def _units(config: OneToManyConfig, count: int) -> nn.ModuleList:
    if config.tables:
        blocks = (
            ResidualBlock(config.features, config.embedding, noisy=False) for _ in range(count)
        )
        return nn.ModuleList(blocks)
    return nn.ModuleList(PreActivationUnit(config.features) for _ in range(count))


def _through(units: Iterable[nn.Module], features: Tensor, embedding: Tensor | None) -> Tensor:
    for unit in units:
        features = unit(features) if embedding is None else unit(features, embedding)
    return features
