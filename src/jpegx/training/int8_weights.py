"""Weights with the ranges that int8 needs, measured on pictures."""

from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path

import torch

from jpegx.errors import JpegxError
from jpegx.models import checkpoint
from jpegx.models.files import Files
from jpegx.models.int8 import stages_of
from jpegx.models.int8_ranges import measure_ranges
from jpegx.models.noise import CounterNoise, Noise
from jpegx.training.data.compress import compress
from jpegx.training.data.images import ImageSet, find_images
from jpegx.training.data.patches import SAMPLINGS, PatchRules, draw_group

_GROUPS = 48
_MOST_IMAGES = 128  # of a folder, evenly spread over it
_GIGABYTES = 1.0  # of images that are kept decoded
_RULES = PatchRules(
    size=128,
    group=4,
    native=0.5,
    turn=True,
    quality=(1, 100),
    power=1.0,
    sampling={name: 4.0 if name == "4:2:0" else 1.0 for name in SAMPLINGS},
    qualities=(5, 10, 15, 20, 30, 40, 60, 80, 95),
)


def write_int8(
    model: str,
    data: Path,
    target: Path,
    *,
    overwrite: bool,
    skipped: Callable[[str], None],
) -> int:
    """Write weights anew, the same, with ranges for int8; returns how many images were read.

    ``model``: installed weights, or a safetensors file. ``data``: a folder of images: of at most
    128 of them squares of 128 pixels are compressed at qualities from 5 to 95; the same folder
    gives the same ranges. ``skipped``: told of images that cannot be read or are smaller. Raises
    BadCheckpoint, NoImages, OSError, and JpegxError if the network has no residual blocks.
    """
    path, generator, card = checkpoint.open_model(model)
    if not stages_of(generator):
        raise JpegxError(f"{path}: its network has no int8")
    found = find_images(data)
    chosen = found[:: ceil(len(found) / _MOST_IMAGES)]
    images = ImageSet(chosen, _RULES.size, _GIGABYTES, skipped)
    plain = generator.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator.ranges = measure_ranges(plain, _examples(images))
    checkpoint.save(target, generator, card, overwrite=overwrite)
    return len(images)


def _examples(images: ImageSet) -> Iterator[tuple[Files, Noise]]:
    """Files, and the noise of a sample of each: as strong as in training."""
    for index in range(_GROUPS):
        group = draw_group(images, _RULES, 0, 0, index)
        yield compress([group], torch.device("cpu")).files, CounterNoise(index)
