"""Parts that the generators share: table embedding, FiLM, residual blocks."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.files import TABLE_FEATURES, Files, table_features
from jpegx.models.fused import conv_add, conv_relu
from jpegx.models.transfer import Addable, Droppable

_CHUNK = 1 << 18  # features at a time for each thread


class TableEmbedding(nn.Module):
    """A vector (N, size) that tells the layers which tables and sampling the files have."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.first = nn.Linear(TABLE_FEATURES, size)
        self.second = nn.Linear(size, size)

    def forward(self, files: Files) -> Tensor:
        """The embedding, in the type of the weights."""
        features = table_features(files).to(self.first.weight.dtype)
        return F.relu(self.second(F.relu(self.first(features))))


class Film(nn.Module):
    """Feature-wise affine modulation (Perez et al. 2018): scale and shift per channel.

    Begins as the identity, whatever the tables.
    """

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(embedding, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift, (N, channels) each."""
        scale, shift = self.affine(embedding).chunk(2, dim=1)
        return scale + 1, shift


def modulate(features: Tensor, affine: tuple[Tensor, Tensor]) -> Tensor:
    """Features (N * samples, c, h, w) scaled and shifted by FiLM's values (N, c)."""
    scale, shift = (_per_sample(v, len(features))[:, :, None, None] for v in affine)
    return features * scale.to(features.dtype) + shift.to(features.dtype)


def modulated_weights(conv: nn.Conv2d, affine: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does FiLM for one file, values (1, c), as well."""
    scale, shift = affine[0][0], affine[1][0]
    assert conv.bias is not None
    return conv.weight * scale[:, None, None, None], torch.addcmul(shift, conv.bias, scale)


def repeat_samples(values: Tensor, samples: int) -> Tensor:
    """Each row (N, ...) repeated for its samples: (N * samples, ...), sample-minor."""
    return values if samples == 1 else values.repeat_interleave(samples, dim=0)


def pointwise(conv: nn.Conv2d, *maps: Tensor) -> Tensor:
    """A 1x1 convolution of maps (N, c, h, w) that lie one behind the other, as if they were one.

    Products of matrices: in one thread PyTorch has no fast 1x1 convolution of float32.
    """
    weights = conv.weight.flatten(1).split([one.shape[1] for one in maps], dim=1)
    result = F.linear(maps[0].movedim(1, -1), weights[0], conv.bias)
    total = result.view(-1, result.shape[-1])
    for one, weight in zip(maps[1:], weights[1:], strict=True):
        flat = one.movedim(1, -1).flatten(0, 2)
        total.addmm_(flat.to(total.dtype), weight.T.to(total.dtype))
    return result.movedim(-1, 1)


def add_enlarged(conv: nn.Conv2d, features: Tensor, other: Tensor) -> Tensor:
    """A 1x1 convolution, enlarged by a pixel-shuffle of 2, and another map of a file added.

    ``features``: (N * samples, c, h, w); ``other``: (N * samples or N, d, 2 h, 2 w). Both
    channels_last, as is the result; the shuffle is in the order of the weights and in the sum.
    """
    wide = conv.out_channels // 4
    weight = conv.weight.view(wide, 4, -1).transpose(0, 1).flatten(0, 1)
    bias = None if conv.bias is None else conv.bias.view(wide, 4).T.flatten()
    result = F.linear(features.movedim(1, -1), weight, bias)
    count, height, width, _ = result.shape
    files = len(other)
    parts = result.view(files, count // files, height, width, 2, 2 * wide).transpose(3, 4)
    rows = other.movedim(1, -1).reshape(files, 1, height, 2, width, 2 * wide)
    return (rows + parts).reshape(count, 2 * height, 2 * width, wide).movedim(-1, 1)


def enlarged(values: Tensor, factor: int) -> Tensor:
    """Values (N, c, h, w) that lie in the middle of squares, interpolated between: so much finer.

    Bilinear; beyond the outer ones their own.
    """
    # One channel at a time: of three, the last bits depend on the number of threads.
    alone = values.flatten(0, 1)[:, None]
    between = F.interpolate(alone, scale_factor=factor, mode="bilinear", align_corners=False)
    return between.view(*values.shape[:2], *between.shape[2:])


def block_channels(grid: Tensor) -> Tensor:
    """Blocks (N, rows, columns, k, l) as feature maps (N, k * l, rows, columns)."""
    return grid.flatten(3).permute(0, 3, 1, 2)


def _per_sample(values: Tensor, count: int) -> Tensor:
    return values if len(values) == 1 else repeat_samples(values, count // len(values))


def begin_as_he(conv: nn.Conv2d, gain: float = 1.0) -> None:
    """He's initialization (He et al. 2015) times a gain; no bias.

    Uniform: for normal numbers PyTorch imports a second's worth of modules on the meta device,
    where checkpoints are built.
    """
    nn.init.kaiming_uniform_(conv.weight)
    conv.weight.data.mul_(gain)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


class NoiseInput(Droppable, nn.Module):
    """Adds noise to features, as strong per channel and place as the features themselves say.

    Strength is an affine function of the feature: so the noise can be off in flat areas, which a
    constant strength (Karras et al. 2019) leaves to the layers after it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.empty(channels, 1, 1))
        self.slope = nn.Parameter(torch.empty(channels, 1, 1))
        nn.init.uniform_(self.strength, -0.2, 0.2)
        nn.init.uniform_(self.slope, -0.3, 0.3)

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """Features (N, c, h, w), changed by noise (N, 1, h, w), or by noisy features."""
        slope, strength = self.slope.to(features.dtype), self.strength.to(features.dtype)
        return torch.addcmul(features, noise, torch.addcmul(strength, features, slope))

    def relu_(self, features: Tensor, noise: Tensor) -> Tensor:
        """A ReLU of what :meth:`forward` gives, which may take the place of the features."""
        flat = features.movedim(1, -1)
        if torch.is_grad_enabled() or features.device.type != "cpu" or not flat.is_contiguous():
            return self.forward(features, noise).relu_()
        slope, strength = (v.to(features.dtype).flatten() for v in (self.slope, self.strength))
        # A few rows at a time, so that all passes find them in the caches.
        at_once = max(1, _CHUNK * torch.get_num_threads() // features.shape[1])
        parts = flat.flatten(0, 2).split(at_once)
        for part, own in zip(parts, noise.reshape(-1, 1).split(at_once), strict=True):
            part.addcmul_(own, torch.addcmul(strength, part, slope)).relu_()
        return features


class ResidualBlock(Addable, nn.Module):
    """Two 3x3 convolutions beside the identity; FiLM, and noise if wanted, after the first.

    He's initialization keeps the variance through the first convolution; the second begins small,
    so that without normalization a deep stack begins near the identity.
    """

    def __init__(self, channels: int, embedding: int, *, noisy: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = Film(embedding, channels)
        self.noise = NoiseInput(channels) if noisy else None
        begin_as_he(self.first)
        begin_as_he(self.second, 0.1)

    def forward(self, features: Tensor, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """Features of the same shape; ``noise`` (N, 1, h, w) as the block was built to take."""
        inner = self.between(features, embedding, noise)
        return conv_add(inner, self.second.weight, self.second.bias, features)

    def between(self, features: Tensor, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """The features (N, c, h, w) between its two convolutions, not negative."""
        affine = self.film(embedding)
        if len(affine[0]) > 1:
            inner = modulate(self.first(features), affine)
        else:  # FiLM in the weights, which spares a pass over the features
            weight, bias = modulated_weights(self.first, affine)
            if self.noise is None or noise is None:
                return conv_relu(features, weight, bias)
            inner = F.conv2d(features, weight, bias, padding=1)
        if self.noise is not None and noise is not None:
            return self.noise.relu_(inner, noise)
        return inner.relu_()


class ResidualBlocks(nn.Module):
    """The residual blocks of one scale."""

    def __init__(self, channels: int, count: int, embedding: int, *, noisy: bool) -> None:
        super().__init__()
        self.noisy = noisy
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, embedding, noisy=noisy) for _ in range(count)
        )

    def forward(
        self, features: Tensor, embedding: Tensor, draw: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Features of the same shape. ``draw``: noise (N, 1, h, w) for the features it is given."""
        for block in self.blocks:
            noise = draw(features) if draw is not None and self.noisy else None
            features = block(features, embedding, noise)
        return features
