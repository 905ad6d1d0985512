"""What a generator is worth so far: figures on images that it is not trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from jpegx.metrics.crps import crps
from jpegx.metrics.psnr import psnr
from jpegx.models.files import Files, decoded_rgb
from jpegx.models.generator import Generator
from jpegx.models.noise import CounterNoise, Noise
from jpegx.training.autocast import Precision
from jpegx.training.data.compress import Batch, compress
from jpegx.training.data.patches import Group, ijg_tables
from jpegx.training.losses.recompression import consistency_rmse, decoded_change, rounded_to_bytes
from jpegx.training.options import ValidationOptions


@dataclass(frozen=True)
class Figures:
    """Means over the validation images at one quality; pixels rounded to 8 bits.

    PSNR in dB, over RGB: of the plainly decoded JPEG, of a sample, of the samples' mean. ``gain``:
    of the mean over the JPEG. ``consistency``: RMSE of Eq. 1, gray levels, of the samples as they
    are. ``std``: per-pixel standard deviation of the samples, 0 to 1 (Man et al. 2022, Table 1).
    ``crps``: continuous ranked probability score per pixel, gray levels, low is good: the mean
    absolute error for one sample; for several it rewards the right spread around the right mean
    (Gneiting and Raftery 2007, Eq. 21).
    """

    quality: int
    psnr_jpeg: float
    psnr_sample: float
    psnr_mean: float
    gain: float
    consistency: float
    std: float
    crps: float

    def rounded(self) -> dict[str, float]:
        """The figures by name, for a log or a card."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def validate(
    generator: Generator,
    images: Sequence[np.ndarray],
    options: ValidationOptions,
    precision: Precision,
    *,
    temperature: float,
) -> list[Figures]:
    """Figures for each quality. ``images``: uint8 (H, W, 3); the centre of each is used.

    ``temperature``: standard deviation of the noise, which is the same every time; at 0 one image
    is measured (a regression).
    """
    noise = CounterNoise(0, temperature=temperature)
    samples = options.samples if temperature else 1
    out = []
    for quality in options.qualities:
        rows, changes = [], []
        for image in images:
            group = whole_group(image, options.crop, quality, options.sampling)
            batch = compress([group], precision.device)
            drawn = draw(generator, batch.files, noise, samples, precision)
            file = batch.files[0]
            changes += [decoded_change(one[None], file).cpu() for one in drawn]
            rows.append(_measure(drawn, batch))
        jpeg, sample, mean, std, score = np.mean(rows, axis=0).tolist()
        rmse = consistency_rmse(changes)
        out.append(Figures(quality, jpeg, sample, mean, mean - jpeg, rmse, std, score))
    return out


def whole_group(image: np.ndarray, crop: int, quality: int, sampling: str) -> Group:
    """The centre of an image, uint8 (H, W, 3), as a group of one."""
    height, width = image.shape[:2]
    top, left = max(0, (height - crop) // 2), max(0, (width - crop) // 2)
    centre = np.ascontiguousarray(image[top : top + crop, left : left + crop].transpose(2, 0, 1))
    return Group(torch.from_numpy(centre)[None], ijg_tables([quality]), sampling)


@torch.no_grad()
def draw(
    generator: Generator, files: Files, noise: Noise, samples: int, precision: Precision
) -> Tensor:
    """Samples (samples, 3, H, W) of one file, 0 to 1, rounded to 8 bits."""
    with precision.autocast():
        images = generator(files, noise, samples)
    return rounded_to_bytes(images.float())


def _measure(drawn: Tensor, batch: Batch) -> tuple[float, ...]:
    target = batch.targets[0]
    jpeg = rounded_to_bytes(decoded_rgb(batch.files)[0])
    sample = np.mean([_psnr(one, target) for one in drawn])
    std = drawn.std(dim=0).mean() if len(drawn) > 1 else torch.zeros(())
    mean = drawn.mean(dim=0)
    score = 255 * float(crps(drawn, target))
    return _psnr(jpeg, target), float(sample), _psnr(mean, target), float(std), score


def _psnr(image: Tensor, target: Tensor) -> float:
    # A flat image may come out without error: one must not make the mean of all infinite.
    return min(psnr(255 * image, 255 * target), 100.0)
