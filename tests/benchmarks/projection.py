"""What exactness costs: projection and exact rounding, as a ratio to Pillow's decoding.

    python tests/benchmarks/projection.py PICTURE... [--quality 10,75] [--megapixels 12]

The pictures are laid side by side to one large one, which Pillow compresses at 4:2:0. Times are the
best of some runs. The peak is that of the whole process, of its own for each quality.
"""

import io
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from math import ceil, sqrt
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from jpegx.consistency.exact import Projector
from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.laplace import laplace


def mosaic(paths: tuple[Path, ...], megapixels: float) -> Image.Image:
    """A 4:3 picture of so many megapixels, filled with the pictures."""
    width, height = (round(sqrt(megapixels * 1e6 * r) / 16) * 16 for r in (4 / 3, 3 / 4))
    across = ceil(sqrt(len(paths)))
    size = ceil(width / across), ceil(height / across)
    canvas = Image.new("RGB", (width, height))
    for n in range(across**2):
        tile = Image.open(paths[n % len(paths)]).convert("RGB")
        scale = max(size[0] / tile.width, size[1] / tile.height)
        tile = tile.resize((ceil(tile.width * scale), ceil(tile.height * scale)))
        canvas.paste(tile.crop((0, 0, *size)), (n % across * size[0], n // across * size[1]))
    return canvas


def best(function: Callable[[], object], runs: int) -> float:
    """Seconds of the quickest run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(data: bytes) -> str:
    """One line of figures for a JPEG file."""
    pillow = best(lambda: np.asarray(Image.open(io.BytesIO(data))), 5)
    jpeg = read_jpeg(data)
    coefficients = [torch.tensor(c) for c in jpeg.coefficients]
    tables = [torch.tensor(t) for t in jpeg.tables]
    image = next(laplace(jpeg, 1, 0))
    projector = Projector(coefficients, tables, jpeg.layout)
    result = projector(image)
    seconds = best(lambda: projector(image), 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        f"Pillow {pillow:.3f} s, exact {seconds:.2f} s, ratio {seconds / pillow:.1f}, "
        f"differ {result.different} of {result.total}, RMSE added {result.rmse_added:.3f}, "
        f"peak {peak:.2f} GiB"
    )


@click.command()
@click.argument("pictures", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--quality", default="10,75", show_default=True, metavar="Q,...")
@click.option("--megapixels", default=12.0, show_default=True)
def main(pictures: tuple[Path, ...], quality: str, megapixels: float) -> None:
    if not pictures:  # the measuring process, which gets its file on standard input
        click.echo(measure(sys.stdin.buffer.read()))
        return
    canvas = mosaic(pictures, megapixels)
    for q in map(int, quality.split(",")):
        buffer = io.BytesIO()
        canvas.save(buffer, "JPEG", quality=q, subsampling=2)
        measured = subprocess.run(
            [sys.executable, __file__], input=buffer.getvalue(), capture_output=True, check=True
        )
        click.echo(f"quality {q}: {measured.stdout.decode().strip()}")


if __name__ == "__main__":
    main()
