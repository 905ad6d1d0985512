"""What a letter or digit looks like to a small network: an opinion, never a proof.

A convolutional network on 32x32 pixels of brightness, normalized, which tells of 36 classes (ten
digits and 26 letters, small ones as capitals) and of "none of them". Bahat and Michaeli 2021 (their
figure of a clock) steer towards digits with such a one; ours is trained by ``jpegx train glyphs``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from jpegx.io.atomic_file import atomic_file
from jpegx.io.failures import reason_of
from jpegx.io.paths import file_digest
from jpegx.models.checkpoint_header import FORMAT, BadCheckpoint, read_header
from jpegx.models.zoo import CHARACTERS, SUFFIX, weights_folder

FAMILY = "glyphs"
SIDE = 32  # pixels of what the network sees
NONE = len(CHARACTERS)
_WIDTHS = (16, 24, 32, 48)
_HIDDEN = 64
_FLATTEST = 2.0  # gray levels of deviation below which a crop is not stretched further


class GlyphClassifier(nn.Module):
    """Logits (N, 37) of crops: of each of ``CHARACTERS``, and last of none.

    ``temperature``: what logits are divided by, so that opinions were right as often as they said
    on fonts that were kept back.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for number, width in enumerate(_WIDTHS):
            layers += [
                nn.Conv2d(before, width, 3, stride=1 if number == 0 else 2, padding=1),
                nn.GroupNorm(8, width),
                nn.SiLU(),
            ]
            before = width
        side = SIDE >> (len(_WIDTHS) - 1)
        self.features = nn.Sequential(*layers)
        self.hidden = nn.Linear(before * side * side, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, NONE + 1)
        self.register_buffer("temperature", torch.ones(()))
        self.temperature: Tensor

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (N, 37) of luma (N, 1, H, W) in gray levels, any size and shape."""
        return self.logits(normalized(crops))

    def logits(self, seen: Tensor) -> Tensor:
        """Logits (N, 37) of what :func:`normalized` gives."""
        flat = self.features(seen).flatten(1)
        made: Tensor = self.out(F.silu(self.hidden(flat))) / self.temperature
        return made


def normalized(crops: Tensor) -> Tensor:
    """Crops (N, 1, H, W) as the network sees them: square, 32x32, mean 0, deviation 1.

    They are made square by repeating their edges, and may be of any brightness and contrast; which
    of ink and ground is darker, the network has to find out.
    """
    height, width = crops.shape[2:]
    side = max(height, width)
    across, down = side - width, side - height
    padding = (across // 2, across - across // 2, down // 2, down - down // 2)
    square = F.pad(crops, padding, mode="replicate")
    small = F.interpolate(
        square, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )
    centred = small - small.mean(dim=(2, 3), keepdim=True)
    # Without a root at 0, whose slope is infinite: flat crops are optimised, too.
    spread = centred.square().mean(dim=(2, 3), keepdim=True).add(_FLATTEST**2 / 4).sqrt()
    return centred / spread


@dataclass(frozen=True)
class NamedClassifier:
    """A classifier, what it is called, a digest of its file, and its card."""

    name: str
    digest: str
    network: GlyphClassifier
    card: dict[str, object]


def save_classifier(
    path: Path, network: GlyphClassifier, card: dict[str, object], *, overwrite: bool
) -> None:
    """Write a classifier, float16. Raises OSError, FileExistsError among them."""
    tensors = {k: v.detach().half().contiguous() for k, v in network.state_dict().items()}
    config = {"characters": CHARACTERS, "side": SIDE}
    metadata = {
        "format": FORMAT,
        "family": FAMILY,
        "config": json.dumps(config),
        "card": json.dumps(card),
    }
    with atomic_file(path, overwrite=overwrite) as stream:
        stream.write(to_bytes(tensors, metadata))


def open_classifier(path: Path | None = None) -> NamedClassifier:
    """A classifier from its file, None for the one that comes with jpegx; its weights are fixed.

    Raises BadCheckpoint, one line that begins with the file's name.
    """
    name = FAMILY if path is None else str(path)
    path = weights_folder() / "classifiers" / f"{FAMILY}{SUFFIX}" if path is None else path
    header = read_header(path)
    if header.family != FAMILY:
        raise BadCheckpoint(
            f"{path}: no classifier of glyphs but {header.family[:40]!r}; "
            "make one with jpegx train glyphs"
        )
    network = GlyphClassifier()
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if wanted != header.shapes or header.config.get("characters") != CHARACTERS:
        raise BadCheckpoint(f"{path}: made for another version of jpegx; train it again")
    try:
        tensors = {key: value.float() for key, value in load_file(path).items()}
    except OSError as error:
        raise BadCheckpoint(f"{path}: {reason_of(error)}") from None
    except SafetensorError as error:
        reason = str(error).partition("\n")[0]
        raise BadCheckpoint(f"{path}: {reason}; get an undamaged copy") from None
    if not all(bool(value.isfinite().all()) for value in tensors.values()):
        raise BadCheckpoint(f"{path}: a tensor does not hold finite numbers")
    network.load_state_dict(tensors)
    return NamedClassifier(
        name, file_digest(path), network.eval().requires_grad_(False), header.card
    )
