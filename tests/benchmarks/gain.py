"""PSNR over the JPEG of the mean of a model's samples, on a folder of originals (RGB, 4:2:0).

    python tests/benchmarks/gain.py MODEL ORIGINALS [--quality 10,40] [--samples 1]

The JPEG's own picture is what libjpeg shows. Means over the pictures; also the PSNR of one sample,
the per-pixel standard deviation (0 to 1), and the consistency RMSE of a sample before projection.
"""

from io import BytesIO
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.consistency.measure import consistency_rmse
from jpegx.jpeg import libjpeg
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.integer import encode
from jpegx.sampling.moments import Moments
from jpegx.sampling.source import Source, open_source


def psnr(image: Tensor, original: Tensor) -> float:
    """PSNR in dB of an image, rounded and clipped to 8 bits, over all pixels and channels."""
    error = (image.round().clamp(0, 255) - original).square().mean()
    return float(10 * torch.log10(255**2 / error))


def consistency(jpeg: QuantizedJpeg, image: Tensor) -> float:
    """Eq. 1 of paper 1, gray levels, of an image rounded and clipped to 8 bits."""
    tables = [torch.tensor(t) for t in jpeg.tables]
    pixels = image.round().clamp(0, 255).to(torch.uint8)
    encoded = [c[0] for c in encode(pixels[None], jpeg.layout, tables)]
    return consistency_rmse(
        [torch.tensor(c) for c in jpeg.coefficients], encoded, tables, jpeg.layout
    )


def compress(picture: Image.Image, quality: int) -> bytes:
    """The picture as a JPEG file."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


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
        psnr(moments.mean(), original),
        psnr(one, original),
        deviation,
        consistency(jpeg, one),
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
            original = torch.tensor(np.asarray(picture)).permute(2, 0, 1).float()
            rows.append(measure(source, compress(picture, q), original, samples))
        jpeg, mean, one, deviation, rmse = np.mean(rows, axis=0)
        click.echo(
            f"quality {q}: {len(rows)} pictures, JPEG {jpeg:.2f} dB, mean of {samples} "
            f"{mean - jpeg:+.2f}, one sample {one - jpeg:+.2f}, std {deviation:.4f}, "
            f"consistency {rmse:.2f}"
        )


if __name__ == "__main__":
    main()
