"""Strips of pictures to look at while a generator is trained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from jpegx.io.atomic_file import atomic_file
from jpegx.models.files import decoded_rgb
from jpegx.models.generator import Generator
from jpegx.models.noise import CounterNoise
from jpegx.training.autocast import Precision
from jpegx.training.data.compress import compress
from jpegx.training.losses.recompression import rounded_to_bytes
from jpegx.training.options import ValidationOptions
from jpegx.training.validation import draw, whole_group

_CROP = 128
_ENLARGED = 2
_SAMPLES = 3


def write_strips(
    path: Path,
    generator: Generator,
    images: Sequence[np.ndarray],
    options: ValidationOptions,
    precision: Precision,
    *,
    temperature: float,
) -> None:
    """One row per image: the JPEG, samples (or the regression), their mean, the source. A PNG.

    ``images``: uint8 (H, W, 3), the centre of each is shown, enlarged, without smoothing, at the
    first quality of the ``options``.
    ``temperature``: standard deviation of the noise, 0 for a regression.
    """
    noise = CounterNoise(0, temperature=temperature)
    rows = []
    for image in images:
        group = whole_group(image, _CROP, options.qualities[0], options.sampling)
        batch = compress([group], precision.device)
        count = _SAMPLES if temperature else 1
        drawn = draw(generator, batch.files, noise, count, precision)
        mean = [drawn.mean(dim=0)] if temperature else []
        jpeg = rounded_to_bytes(decoded_rgb(batch.files)[0])
        row = torch.cat([jpeg, *drawn, *mean, batch.targets[0]], dim=2)
        rows.append(row.mul(255).round().byte().permute(1, 2, 0).cpu().numpy())
    narrow = min(row.shape[1] for row in rows)
    pixels = np.concatenate([row[:, :narrow] for row in rows])
    picture = Image.fromarray(pixels.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1))
    with atomic_file(path, overwrite=True) as stream:
        picture.save(stream, "PNG")
