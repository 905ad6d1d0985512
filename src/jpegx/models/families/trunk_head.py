"""The default: a trunk that gives the posterior mean, and a head that draws around it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.jpeg.color import change_in_components, change_in_pixels
from jpegx.jpeg.layout import Layout
from jpegx.models.config import Config, option
from jpegx.models.families.unet import Unet, UnetConfig, drawer
from jpegx.models.files import Files, decoded_rgb, joined
from jpegx.models.fused import conv_add
from jpegx.models.generator import Encoded, Generator, Needs
from jpegx.models.layers import (
    ResidualBlocks,
    TableEmbedding,
    add_enlarged,
    enlarged,
    pointwise,
    repeat_samples,
)
from jpegx.models.noise import Noise, NoiseField, numbered
from jpegx.models.places import BANDS, PLACES, SPACING, draw_octaves, mix_octaves
from jpegx.models.registry import generators
from jpegx.models.specks import without_specks
from jpegx.models.transfer import Droppable

_GATES = 64  # features from which the energies and the extent of the places are told
_FEATURE_GAIN = 8.0  # the trunk's features are about 0.1 large
_PLACE_GAIN = 8.0  # brings places to the size of an image
# Below full strength colours change less than luma: at a temperature of 0.85 by 0.4 of that. People
# mind invented colour before all else (weights/log.md).
_COLOUR_POWER = 6.6
_YCBCR = Layout(1, 1, "ycbcr", ((1, 1),) * 3)
_LARGEST_STEP = 255.0  # of tables with 8 bits; places of coarser ones are no wider


@dataclass(frozen=True)
class TrunkHeadConfig(Config):
    """Widths and residual blocks per scale, from the finest (1/2) to the coarsest (1/8).

    ``encoder``, ``decoder``: blocks of the trunk; ``head``: of the head. ``embedding``: size of the
    embeddings of the tables. ``noise``: there is a head; without, the network is its trunk alone, a
    regression.
    """

    widths: tuple[int, ...] = (64, 128, 192)
    encoder: tuple[int, ...] = option((6, 2, 1), "depth")
    decoder: tuple[int, ...] = option((5, 2, 1), "depth")
    head: tuple[int, ...] = option((3, 2, 1), "depth")
    embedding: int = 64
    noise: bool = option(True, "noise")

    def __post_init__(self) -> None:
        self.trunk()
        # The coarsest scale is that of the places.
        if len(self.widths) != 3 or len(self.head) != 3 or not all(0 <= b <= 64 for b in self.head):
            raise ValueError("widths and head must have three numbers, blocks 0 to 64")

    def trunk(self) -> UnetConfig:
        """The configuration of the trunk: a regression that ends with a projection."""
        return UnetConfig(
            self.widths, self.encoder, self.decoder, self.embedding, noise=False, projection=True
        )


class Head(Droppable, nn.Module):
    """What a sample differs in from the trunk's picture, from the trunk's features and noise.

    A decoder like a :class:`Unet`'s, with noise in each of its blocks, whose skips are made of the
    trunk's features on the way down and on the way up. To them is added what places change (below);
    before the finest blocks comes noise of single pixels.

    Places (:mod:`jpegx.models.places`) move the means of 8x8 pixels by at most half a step of the
    file's tables. Gates on the trunk's coarsest features say, for each component and block, which
    octaves they hold, and how much of the step they take. Between blocks they are interpolated, so
    that neighbours which go together make a slope.
    """

    def __init__(self, config: TrunkHeadConfig) -> None:
        super().__init__()
        widths = config.widths
        self.embedding = TableEmbedding(config.embedding)
        self.gate1 = nn.Conv2d(2 * widths[-1], _GATES, 1)
        self.gate2 = nn.Conv2d(_GATES, 3 * (BANDS + 1), 3, padding=1)
        self.stitch = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths)
        self.inject = nn.ModuleList(
            nn.Conv2d(3, width, 3, padding=1, bias=False) for width in widths
        )
        self.grain = nn.Conv2d(4, widths[0], 3, padding=1, bias=False)
        self.up = nn.ModuleList(nn.Conv2d(wide, 4 * fine, 1) for fine, wide in pairwise(widths))
        self.stages = nn.ModuleList(
            ResidualBlocks(width, number, config.embedding, noisy=True)
            for width, number in zip(widths, config.head, strict=True)
        )
        self.out = nn.Conv2d(widths[0], 12, 3, padding=1)
        for parameter in (*self.gate2.parameters(), *self.out.parameters()):
            nn.init.zeros_(parameter)

    def skips(self, down: Sequence[Tensor], up: Sequence[Tensor]) -> list[Tensor]:
        """The features that each scale begins with, of the trunk's on both ways; finest first."""
        layers = zip(self.stitch, down, up, strict=True)
        return [pointwise(cast(nn.Conv2d, stitch), *both) for stitch, *both in layers]

    def tell_places(self, *coarsest: Tensor) -> tuple[Tensor, Tensor]:
        """Energies of the bands (N, 3, ``BANDS``, h, w), and extent (N, 3, h, w), 0 to 1."""
        wide = pointwise(self.gate1, *(features * _FEATURE_GAIN for features in coarsest))
        gates = self.gate2(wide.relu()).float()
        gates = gates.unflatten(1, (3, BANDS + 1))
        # Along the last dimension: elsewhere the last bits depend on the number of threads.
        energies = gates[:, :, :BANDS].movedim(2, -1).softmax(dim=-1).movedim(-1, 2)
        return energies, gates[:, :, BANDS].sigmoid()


@generators.register("trunk-head")
class TrunkHead(Generator):
    """X̄(Y) + D(features of the trunk, places, noise), projected into the cells of the file.

    ``trunk``: X̄, a :class:`Unet` that is trained as a regression: the picture with the least
    expected error. ``head``: D, trained with the trunk frozen, its mean held to 0 (the first moment
    of Man et al. 2022, Eq. 5, guided to X̄): the mean of samples is the trunk's picture. All samples
    of a file share the trunk's work. At the temperature T a sample's luma is that of X̄ + T D: of
    all estimates between the posterior mean and a sample of the posterior these have the least
    error for how near they are to natural pictures (Freirich, Michaeli and Meir 2021, Theorem 1,
    whose distances are Wasserstein's). Below 1 colours go by T^6.6. At 0 it is the trunk's picture.

    The default has 3.8 million parameters and 0.31 million multiply-adds a pixel in the trunk, 1.9
    million and 0.11 million in the head.
    """

    config_class = TrunkHeadConfig
    has_trunk = True
    config: TrunkHeadConfig

    def __init__(self, config: TrunkHeadConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Unet(config.trunk())
        self.head = Head(config) if config.noise else None
        needs = self.trunk.needs
        fields = _noise_fields(config) if config.noise else ()
        halo = needs.halo + (_halo(config) if config.noise else 0)
        self.needs = Needs(needs.multiple, halo, noise=fields, consistent=True)

    def encode(self, files: Files) -> Encoded:
        """The trunk's picture; with a head what its samples share.

        What the decoded image differs in from it; skips, finest first, the energies and extents of
        the places, the table embedding.
        """
        picture, down, up = self.trunk.render_with_features(files)
        if self.head is None:
            return Encoded(files, (picture,))
        places = self.head.tell_places(down[-1], up[-1])
        skips = self.head.skips(down, up)
        base = decoded_rgb(files) - picture
        return Encoded(files, (picture, base, *skips, *places, self.head.embedding(files)))

    def trunk_parameters(self) -> list[nn.Parameter]:
        """Those of the trunk."""
        return list(self.trunk.parameters())

    def head_parameters(self) -> list[nn.Parameter]:
        """Those of the head: the trunk is held while they are trained."""
        return list(self.parameters() if self.head is None else self.head.parameters())

    def render(self, encoded: Encoded, noise: Noise, samples: int = 1) -> Tensor:
        """Images: see :meth:`Generator.render`. Without noise the trunk's picture, as it is."""
        if self.head is None or noise.is_zero:
            return repeat_samples(encoded.features[0], samples)
        return super().render(encoded, noise, samples)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        assert self.head is not None
        head, files = self.head, encoded.files
        picture, base, *skips, energies, extent, embedding = encoded.features
        fields = iter(self.needs.noise)
        strength, noise = noise.temperature, noise.at_full_strength()
        places = self._places(files, noise, fields, energies, extent, samples)
        draw = drawer(noise, fields, files, samples)
        features: Tensor | None = None
        for scale in reversed(range(len(skips))):
            grain = self._grain(skips[0], noise, next(fields), files, samples) if not scale else ()
            begin = self._begin(skips[scale], places, grain, scale, samples)
            if features is not None:
                begin = add_enlarged(cast(nn.Conv2d, head.up[scale]), features, begin)
            features = head.stages[scale](begin, embedding, draw)
        assert features is not None
        height, width = picture.shape[2:]
        change = enlarged(places, SPACING)[:, :, :height, :width] + repeat_samples(base, samples)
        _add_shuffled(change, head.out(features).float())
        change = without_specks(change_in_components(change, _YCBCR))
        held: float = min(strength, strength**_COLOUR_POWER)
        change *= change.new_tensor([strength, held, held])[:, None, None]
        return change_in_pixels(change, _YCBCR).add(repeat_samples(picture, samples))

    def _begin(
        self, skip: Tensor, places: Tensor, grain: Sequence[Tensor], scale: int, samples: int
    ) -> Tensor:
        """The features of a scale that each sample begins with, but for those of coarser ones.

        The file's skip, and in one convolution what places and ``grain`` change.
        """
        assert self.head is not None
        skip = repeat_samples(skip, samples).contiguous(memory_format=torch.channels_last)
        factor = skip.shape[2] // places.shape[2]
        moved = enlarged(places * _PLACE_GAIN, factor) if factor > 1 else places * _PLACE_GAIN
        given = torch.cat([moved.to(skip.dtype), *grain], dim=1)
        layers = [self.head.inject[scale], *([self.head.grain] if len(grain) else [])]
        weight = torch.cat([cast(nn.Conv2d, layer).weight for layer in layers], dim=1)
        return conv_add(given.contiguous(memory_format=torch.channels_last), weight, None, skip)

    def _grain(
        self, finest: Tensor, noise: Noise, field: NoiseField, files: Files, samples: int
    ) -> tuple[Tensor]:
        """Noise of single pixels, (N * samples, 4, h, w) like a map of the finest scale."""
        height, width = (2 * size for size in finest.shape[2:])
        like = finest.new_empty(len(finest) * samples, 1, height, width)
        return (F.pixel_unshuffle(noise.draw(field, like, files[0].origin, samples), 2),)

    def _places(
        self,
        files: Files,
        noise: Noise,
        fields: Iterator[NoiseField],
        energies: Tensor,
        extent: Tensor,
        samples: int,
    ) -> Tensor:
        """What the places change in the means of 8x8 pixels: RGB / 255, (N * samples, 3, h, w)."""
        energies, extent = repeat_samples(energies, samples), repeat_samples(extent, samples)
        own = [next(fields) for _ in PLACES]
        octaves = draw_octaves(noise, own, extent, files[0].origin, samples)
        amount = extent * mix_octaves(octaves, energies) / (8 * 255)
        changes = []
        parts = amount.split([len(batch) * samples for batch in files])
        for batch, part in zip(files, parts, strict=True):
            steps = torch.stack([table[:, 0, 0] for table in batch.tables], dim=1)
            steps = repeat_samples(steps.float().clamp(max=_LARGEST_STEP), samples)
            change = part[:, : steps.shape[1]] * steps[..., None, None]
            size, space = (change.shape[3], change.shape[2]), batch.layout.color_space
            plain = Layout(*size, space, ((1, 1),) * steps.shape[1])
            changes.append(change_in_pixels(change, plain).expand(-1, 3, -1, -1))
        return joined(changes)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        trunk = self.trunk.bytes_per_pixel(itemsize)
        if self.head is None:
            return trunk
        kept = sum(width / (4 << 2 * i) for i, width in enumerate(self.config.widths))
        # The trunk's features on both ways; or skips, four maps of the finest, float32 images.
        return ceil(max(trunk + itemsize * kept, itemsize * (kept + self.config.widths[0]) + 116))


def _noise_fields(config: TrunkHeadConfig) -> tuple[NoiseField, ...]:
    """Places; one channel for each block, coarsest first; before the finest, that of pixels."""
    fields = [*PLACES]
    for scale, number in reversed(list(enumerate(config.head))):
        if scale == 0:
            fields.append(NoiseField(1, 1))
        fields += [NoiseField(1, 2 << scale)] * number
    return numbered(fields)


def _add_shuffled(images: Tensor, values: Tensor) -> None:
    """Add a pixel-shuffle of 2 of values (N, 4 c, h, w) to images (N, c, H, W), 2 h or 2 h - 1."""
    own = values.unflatten(1, (-1, 2, 2))
    for down in range(2):
        for across in range(2):
            target = images[:, :, down::2, across::2]
            target += own[:, :, down, across, : target.shape[2], : target.shape[3]]


def _halo(config: TrunkHeadConfig) -> int:
    """Receptive field of the head on the trunk's features, to each side, in pixels."""
    coarsest = 1 << len(config.widths)
    reach = 2 + sum(2 * (2 << scale) * blocks for scale, blocks in enumerate(config.head))
    # The gates, the way of the places into the coarsest features, and their interpolation.
    reach += 2 * coarsest + SPACING
    return -(-reach // coarsest) * coarsest
