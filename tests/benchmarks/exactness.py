"""Is the projection exact? Pictures are compressed, projected, and encoded again by libjpeg.

    python tests/benchmarks/exactness.py ORIGINALS... [--quality 5,10,20] [--log FILE]

For each quality and sampling: the coefficients that differ (libjpeg 6b), of how many, in how many
of the pictures, and the RMSE added over plain Eq. 11. Two candidates a picture: a sample of
``laplace``, and the original blurred and with noise added. Originals whose sides are multiples of 8
are also cut to odd sizes.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from jpegx.consistency.compare import verify
from jpegx.consistency.exact import Projector
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from jpegx.sampling.laplace import laplace

FACTORS = {
    "4:4:4": ((1, 1), (1, 1), (1, 1)),
    "4:2:2": ((2, 1), (1, 1), (1, 1)),
    "4:2:0": ((2, 2), (1, 1), (1, 1)),
}


def compress(pixels: np.ndarray, quality: int, sampling: str) -> QuantizedJpeg:
    """What libjpeg 6b makes of a picture, uint8 (H, W, 3)."""
    height, width = pixels.shape[:2]
    layout = Layout(width, height, "ycbcr", FACTORS[sampling])
    luma, chroma = scaled_tables(quality)
    tables = (luma, chroma, chroma)
    return QuantizedJpeg(layout, libjpeg.encode(pixels, layout, tables), tables, "baseline")


def blurred(pixels: np.ndarray) -> Tensor:
    """The picture, (C, H, W) in gray levels, blurred and with noise of 8 levels added."""
    image = torch.tensor(pixels).permute(2, 0, 1).float()
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.avg_pool2d(image, 3, 1, 1) + 8 * noise


def measure(jpeg: QuantizedJpeg, candidate: Tensor) -> tuple[int, int, float]:
    """Coefficients that differ, of how many, and the RMSE added."""
    coefficients = [torch.tensor(c) for c in jpeg.coefficients]
    tables = [torch.tensor(t) for t in jpeg.tables]
    result = Projector(coefficients, tables, jpeg.layout)(candidate)
    components = verify(jpeg, result.pixels.permute(1, 2, 0).numpy()).components
    return sum(c.different for c in components), result.total, result.rmse_added


def pictures(folders: tuple[Path, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures of the folders, and an odd-sized cut of each."""
    odd = ((1, 1), (5, 7), (31, 17), (511, 767))
    for number, path in enumerate(p for folder in folders for p in sorted(folder.iterdir())):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        yield path.name, pixels
        height, width = odd[number % len(odd)]
        yield f"{path.name} cut", pixels[-height:, -width:].copy()


@click.command()
@click.argument("originals", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--quality", default="5,10,20,30,50,75", show_default=True, metavar="Q,...")
@click.option("--sampling", default="4:4:4,4:2:2,4:2:0", show_default=True, metavar="S,...")
@click.option("--log", type=click.File("w"), help="One line of JSON per picture.")
def main(originals: tuple[Path, ...], quality: str, sampling: str, log: TextIO | None) -> None:
    rows: dict[tuple[int, str, str], list[tuple[int, int, float]]] = defaultdict(list)
    for name, pixels in pictures(originals):
        for q in map(int, quality.split(",")):
            for s in sampling.split(","):
                jpeg = compress(pixels, q, s)
                for kind in ("laplace", "blurred"):
                    drawn = next(laplace(jpeg, 1, 0)) if kind == "laplace" else None
                    result = measure(jpeg, blurred(pixels) if drawn is None else drawn)
                    rows[q, s, kind].append(result)
                    if log:
                        print(json.dumps([name, q, s, kind, *result]), file=log, flush=True)
    print("quality sampling candidate   differ        of  pictures  not exact  RMSE added")
    for (q, s, kind), results in sorted(rows.items()):
        different, total = (sum(r[i] for r in results) for i in (0, 1))
        missed = sum(r[0] > 0 for r in results)
        added = sum(r[2] for r in results) / len(results)
        print(
            f"{q:7} {s:8} {kind:9} {different:8} {total:9}  {len(results):8}  {missed:9}  "
            f"{added:10.3f}"
        )


if __name__ == "__main__":
    main()
