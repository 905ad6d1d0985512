"""Crops at three times their size: JPEG, regression, three samples, their spread, the original.

    python tests/benchmarks/crops.py LIVE1 PICTURE [--quality 10] [--model general]

LIVE1 is a folder with that data set; PICTURE is written. The samples are projected, the regression
is not; the map of the standard deviation is of eight, on the scale of ``jpegx decode``.
"""

from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.batch.measured_map import measured_pixels
from jpegx.evaluation.benchmark.encoding import compress
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.sampling.decoding import decode
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec

# Name, left and top: a face, letters, foliage, sky, a wing, houses, a machine, stone in gray.
CROPS = (
    ("womanhat", 190, 280),
    ("building2", 75, 85),
    ("stream", 430, 190),
    ("caps", 520, 40),
    ("monarch", 380, 220),
    ("lighthouse2", 90, 195),
    ("plane", 255, 235),
    ("statue", 175, 160),
)
GRAY = "statue"
SIDE, SCALE, SAMPLES, SHOWN = 72, 3, 8, 3


def row(original: Tensor, quality: int, regression: Sampler, sampler: Sampler) -> list[np.ndarray]:
    """The pictures of one original, uint8 (H, W, 1 or 3)."""
    jpeg = read_jpeg(compress(original, quality, "4:2:0"))
    smooth = decode(jpeg, regression, samples=1, seed=0, project=False, mean=False, std_map=False)
    sharp = decode(jpeg, sampler, samples=SAMPLES, seed=0, project=True, mean=False, std_map=True)
    samples = [picture.pixels for picture in sharp.pictures]
    return [
        libjpeg.show(jpeg.stream, jpeg.layout),
        *(picture.pixels for picture in smooth.pictures),
        *samples[:SHOWN],
        measured_pixels(sharp.std_map()),
        original.permute(1, 2, 0).numpy(),
    ]


@click.command()
@click.argument("live1", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--quality", type=int, default=10, show_default=True)
@click.option("--model", default="general", show_default=True)
def main(live1: Path, picture: Path, quality: int, model: str) -> None:
    """Write the picture."""
    regression, sampler = (open_sampler(SamplerSpec(name, "cpu")) for name in ("regression", model))
    rows = []
    for name, left, top in CROPS:
        image = Image.open(next(live1.glob(f"{name}.*"))).convert("RGB")
        pixels = np.asarray(image.convert("L"))[..., None] if name == GRAY else np.asarray(image)
        original = torch.tensor(pixels).permute(2, 0, 1)
        shown = [
            np.broadcast_to(found, (*found.shape[:2], 3))[top : top + SIDE, left : left + SIDE]
            for found in row(original, quality, regression, sampler)
        ]
        rows.append(np.concatenate(shown, axis=1))
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.NEAREST).save(
        picture
    )


if __name__ == "__main__":
    main()
