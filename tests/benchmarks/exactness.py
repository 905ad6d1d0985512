"""Is the projection exact? Pictures are compressed, projected, and encoded again by libjpeg.

    python tests/benchmarks/exactness.py ORIGINALS... [--quality 5,10,20] [--model general]

For each quality and sampling: the coefficients that differ (libjpeg 6b), of how many, in how many
of the pictures, and the RMSE added over plain Eq. 11. Candidates for each picture: a sample of each
model, and without any of ``laplace``, beside the original blurred and with noise added. Originals
whose sides are multiples of 8 are also cut to odd sizes. --tiles: models with weights render in
tiles of so many pixels.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
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
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from jpegx.models.checkpoint import open_model
from jpegx.sampling.generate import generate
from jpegx.sampling.hardware import prepare
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import SamplerSpec
from jpegx.training.data.patches import SAMPLINGS

Draw = Callable[[QuantizedJpeg], Tensor]


def compress(pixels: np.ndarray, quality: int, sampling: str) -> QuantizedJpeg:
    """What libjpeg 6b makes of a picture, uint8 (H, W, 3)."""
    height, width = pixels.shape[:2]
    space: ColorSpace = "gray" if sampling == "gray" else "ycbcr"
    layout = Layout(width, height, space, SAMPLINGS[sampling])
    luma, chroma = scaled_tables(quality)
    tables = (luma, chroma, chroma)[: layout.channels]
    if sampling == "gray":  # green alone
        pixels = pixels[:, :, 1:2].copy()
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


def drawer(model: str, tiles: int) -> Draw:
    """What draws the first sample of a model, in tiles that see so many pixels; 0: as decode."""
    if not tiles:
        sampler = open_sampler(SamplerSpec.parse(model))
        return lambda jpeg: next(sampler.sample(jpeg, 1, 0))
    network = prepare(open_model(model)[1], torch.device("cpu"), "auto")
    memory = tiles * network.bytes_per_pixel(next(network.parameters()).itemsize)
    return lambda jpeg: next(generate(network, jpeg, samples=1, seed=0, memory=memory))


def pictures(folders: tuple[Path, ...], crop: int) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures of the folders, or their centre, and an odd-sized cut of each."""
    odd = ((1, 1), (5, 7), (31, 17), (crop - 1, crop - 1) if crop else (511, 767))
    for number, path in enumerate(p for folder in folders for p in sorted(folder.iterdir())):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        if crop:
            top, left = (max(0, (size - crop) // 2) for size in pixels.shape[:2])
            pixels = pixels[top : top + crop, left : left + crop].copy()
        yield path.name, pixels
        height, width = odd[number % len(odd)]
        yield f"{path.name} cut", pixels[-height:, -width:].copy()


@click.command()
@click.argument("originals", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--quality", default="5,10,20,30,50,75", show_default=True, metavar="Q,...")
@click.option("--sampling", default="4:4:4,4:2:2,4:2:0", show_default=True, metavar="S,...")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Again for more.")
@click.option("--crop", default=0, metavar="PIXELS", help="Centre of each picture.")
@click.option("--tiles", default=0, metavar="PIXELS", help="That a tile may see.")
@click.option("--log", type=click.File("w"), help="One line of JSON per picture.")
def main(
    originals: tuple[Path, ...],
    quality: str,
    sampling: str,
    models: tuple[str, ...],
    crop: int,
    tiles: int,
    log: TextIO | None,
) -> None:
    """Print a line for each quality, sampling and candidate."""
    draws = {name: drawer(name, tiles) for name in models or ("laplace",)}
    rows: dict[tuple[int, str, str], list[tuple[int, int, float]]] = defaultdict(list)
    for name, pixels in pictures(originals, crop):
        for q in map(int, quality.split(",")):
            for s in sampling.split(","):
                jpeg = compress(pixels, q, s)
                candidates = {kind: draw(jpeg) for kind, draw in draws.items()}
                if not models:
                    candidates["blurred"] = blurred(pixels)
                for kind, candidate in candidates.items():
                    result = measure(jpeg, candidate)
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
