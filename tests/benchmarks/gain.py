"""PSNR over the JPEG of the mean of a model's samples, on a folder of originals (RGB, 4:2:0).

    python tests/benchmarks/gain.py MODEL ORIGINALS [--quality 10,40] [--samples 1]

The JPEG's own picture is what libjpeg shows. Means over the pictures; also the PSNR of one sample,
the per-pixel standard deviation (0 to 1), and the consistency RMSE of a sample before projection.
"""

from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.evaluation.compress import compress
from jpegx.evaluation.metrics.consistency import agreement
from jpegx.evaluation.metrics.psnr import psnr
from jpegx.jpeg import libjpeg
from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.moments import Moments
from jpegx.sampling.source import Source, open_source


def rounded(image: Tensor) -> Tensor:
    """The image as an 8-bit picture holds it."""
    return image.round().clamp(0, 255)


def measure(source: Source, data: bytes, original: Tensor, samples: int) -> list[float]:
    """JPEG, mean and sample PSNR, standard deviation, consistency of one picture."""
    jpeg = read_jpeg(data)
    shown = torch.tensor(libjpeg.show(jpeg.stream, jpeg.layout)).permute(2, 0, 1).float()
    moments = Moments()
    one = torch.empty(0)
    for image in source.draw(jpeg, samples, 0):
        one = one if one.numel() else image
        moments.add(image)
    deviation = float(moments.std().mean()) / 255 if samples > 1 else 0.0
    return [
        psnr(shown, original),
        psnr(rounded(moments.mean()), original),
        psnr(rounded(one), original),
        deviation,
        agreement(rounded(one), jpeg).rmse,
    ]


@click.command()
@click.argument("model")
@click.argument("originals", type=click.Path(exists=True, path_type=Path))
@click.option("--quality", default="10,40", show_default=True, metavar="Q,...")
@click.option("--samples", default=1, show_default=True)
@click.option("--every", default=1, show_default=True, help="Take every so many pictures.")
def main(model: str, originals: Path, quality: str, samples: int, every: int) -> None:
    source = open_source(model)
    for q in map(int, quality.split(",")):
        rows = []
        for path in sorted(originals.iterdir())[::every]:
            picture = Image.open(path).convert("RGB")
            original = torch.tensor(np.asarray(picture)).permute(2, 0, 1)
            rows.append(measure(source, compress(original, q, "4:2:0"), original, samples))
        jpeg, mean, one, deviation, rmse = np.mean(rows, axis=0)
        click.echo(
            f"quality {q}: {len(rows)} pictures, JPEG {jpeg:.2f} dB, mean of {samples} "
            f"{mean - jpeg:+.2f}, one sample {one - jpeg:+.2f}, std {deviation:.4f}, "
            f"consistency {rmse:.2f}"
        )


if __name__ == "__main__":
    main()
