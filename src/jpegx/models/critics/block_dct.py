"""The critic of Bahat and Michaeli 2021: it rates coefficients, in steps of the file's tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from jpegx.jpeg.resized_dct import in_table_steps, join_blocks
from jpegx.jpeg.transform import encode_dct, normalize
from jpegx.models.config import Config
from jpegx.models.control_network import SLOPE
from jpegx.models.critic import Critic, Ratings
from jpegx.models.files import Files, count
from jpegx.models.layers import begin_as_he, block_channels, repeat_samples
from jpegx.models.registry import critics

_LEAST = 5  # blocks each way that convolutions without padding leave


@dataclass(frozen=True)
class DctConfig(Config):
    """``component``: luma, or chroma (Cb and Cr together); the default is the published size.

    ``pool``: the mean of a map rates a patch of any size; without, a fully connected layer, which
    is made for patches of ``blocks`` blocks each way, does. ``spectral``: spectral normalization
    (Miyato et al. 2018), which the text of the paper names beside the gradient penalty.
    """

    component: str = "luma"
    width: int = 320
    layers: int = 10
    pool: bool = False
    blocks: int = 32
    spectral: bool = False

    def __post_init__(self) -> None:
        if self.component not in ("luma", "chroma"):
            raise ValueError("component must be luma or chroma")
        if not (1 <= self.width <= 2048 and 1 <= self.layers <= 64):
            raise ValueError("width must be 1 to 2048 and layers 1 to 64")
        if not _LEAST <= self.blocks <= 1024:
            raise ValueError(f"blocks must be {_LEAST} to 1024")


@critics.register("dct")
class DctCritic(Critic):
    """The layers of the generator, on coefficients beside what they are conditioned on.

    Luma: 64 coefficients beside the quantized ones. Chroma: 128 beside the quantized ones and the
    luma that they go with (its 16x16 DCT). 3x3 convolutions without padding, of which as many of
    the first are padded as keep 5x5 blocks; layer normalization without weights, leaky ReLU; one
    more to 64 features. 8,854,081 parameters for luma. For chroma, files must have some, of one
    sampling: gray ones cannot be rated.
    """

    config_class = DctConfig
    config: DctConfig
    needs_files = True

    def __init__(self, config: DctConfig) -> None:
        super().__init__()
        self.config = config
        inputs = 128 if config.component == "luma" else 512
        sizes = [inputs] + [config.width] * config.layers
        ends = [config.width] * config.layers + [64]
        self.convs = nn.ModuleList(
            # Layer normalization takes away what a bias adds to all features of the others alike.
            nn.Conv2d(size, end, 3, bias=not number)
            for number, (size, end) in enumerate(zip(sizes, ends, strict=True))
        )
        left = self._left(config.blocks)
        self.head = nn.Linear(64 if config.pool else 64 * left * left, 1)
        for conv in self.convs:
            assert isinstance(conv, nn.Conv2d)
            begin_as_he(conv)
            if config.spectral:
                spectral_norm(conv)

    def check_patch(self, size: int) -> None:
        """See :meth:`Critic.check_patch`."""
        blocks = size // (8 if self.config.component == "luma" else 16)
        if self.config.pool and blocks < _LEAST:
            raise ValueError(f"the critic dct needs {_LEAST} blocks each way, not {blocks}")
        if not self.config.pool and blocks != self.config.blocks:
            raise ValueError(
                f"the critic dct is made for {self.config.blocks} blocks each way, not {blocks}: "
                "set its blocks, or pool = true"
            )

    def look_at(self, images: Tensor, files: Files) -> list[Tensor]:
        """Coefficients in steps, (N, 64 or 128, rows, columns) of each batch of files.

        ``images``: (N * samples, 3, H, W), 0 to 1. Differentiable.
        """
        return [
            torch.cat(values[:1] if self.config.component == "luma" else values[1:], dim=1)
            for values in _in_steps(images, files)
        ]

    def conditions(self, images: Tensor, files: Files) -> list[Tensor]:
        """What coefficients are rated beside: quantized ones and, for chroma, the images' luma."""
        samples = len(images) // count(files)
        chosen = slice(0, 1) if self.config.component == "luma" else slice(1, None)
        found = []
        for batch, values in zip(files, _in_steps(images, files), strict=True):
            grids = [block_channels(grid.float()) for grid in batch.coefficients[chosen]]
            parts = [repeat_samples(grid, samples) for grid in grids]
            if self.config.component == "chroma":
                blocks = values[0].unflatten(1, (8, 8)).permute(0, 3, 4, 1, 2)
                steps = repeat_samples(batch.tables[0].float(), samples)
                joined = join_blocks(blocks * steps[:, None, None], batch.layout.reduction(1))
                parts.insert(0, block_channels(in_table_steps(joined, steps)))
            found.append(torch.cat(parts, dim=1).detach())
        return found

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        """One logit an image, (N, 1, 1, 1), no features: see :meth:`Critic.rate`.

        ``seen``, ``decoded``: as :meth:`look_at` and :meth:`conditions` give them.
        """
        pairs = zip(seen, decoded, strict=True)
        logits = [self._logits(torch.cat(pair, dim=1)) for pair in pairs]
        return Ratings([torch.cat(logits)[:, None, None, None]], [])

    def _logits(self, values: Tensor) -> Tensor:
        values = values.contiguous(memory_format=torch.channels_last)
        padded = len(self.convs) - self._unpadded(min(values.shape[2:]))
        for number, conv in enumerate(self.convs):
            assert isinstance(conv, nn.Conv2d)
            padding = int(number < padded)
            values = F.conv2d(values, conv.weight, conv.bias, padding=padding)
            if number < self.config.layers:
                values = F.leaky_relu(F.layer_norm(values, values.shape[1:]), SLOPE)
        values = values.mean(dim=(2, 3)) if self.config.pool else values.flatten(1)
        result: Tensor = self.head(values)
        return result[:, 0]

    def _unpadded(self, blocks: int) -> int:
        """How many convolutions leave out the border of so many blocks."""
        return min(self.config.layers + 1, max(0, blocks - _LEAST) // 2)

    def _left(self, blocks: int) -> int:
        """Blocks each way after all convolutions."""
        return blocks - 2 * self._unpadded(blocks)


def _in_steps(images: Tensor, files: Files) -> list[list[Tensor]]:
    """The components' coefficients in steps, (N * samples, 64, rows, columns), of each batch."""
    samples = len(images) // count(files)
    parts = images.split([len(batch) * samples for batch in files])
    found = []
    for part, batch in zip(parts, files, strict=True):
        layout = batch.layout
        pixels = part * 255 if layout.channels == 3 else part.mean(dim=1, keepdim=True) * 255
        tables = [repeat_samples(table, samples) for table in batch.tables]
        grids = normalize(encode_dct(pixels, layout), tables)
        found.append([block_channels(grid) for grid in grids])
    return found
