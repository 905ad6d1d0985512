"""Truth and the cell: do files of other encoders hold what their source was?

    python tests/benchmarks/encoders.py ORIGINALS... [--quality 10,50,75,90,95] [--side 512]

Each original, cut to its centre, is encoded with every encoder that the package jpeglib carries
(libjpeg 6b to 9f, libjpeg-turbo, mozjpeg), 4:2:0, islow DCT. A row for each encoder and quality:
the share of the source's coefficients, encoded anew with libjpeg 6b and the file's own tables, that
are outside the file's cells, and outside of them widened by some steps (--slack); the largest
distance of one, in steps; the share of the file's coefficients that are nearer to 0 than the
source's (what trellis quantization and dead zones do); and how many of the files look like trellis
quantization to ``jpegx info``.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import jpeglib
import numpy as np
from PIL import Image

from jpegx.consistency.compare import distances
from jpegx.consistency.recompress import recompress
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.trellis import looks_like_trellis

ENCODERS = (
    *("6b", "7", "8", "8d", "9", "9c", "9e", "turbo120", "turbo140", "turbo210"),
    *("mozjpeg101", "mozjpeg201", "mozjpeg300", "mozjpeg403"),
)
SLACKS = (0.5, 1, 2, 4)


def crops(paths: tuple[Path, ...], side: int) -> Iterator[np.ndarray]:
    """The centres of the originals, uint8 (H, W, 3)."""
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            with Image.open(file) as image:
                left, top = (max(0, (length - side) // 2) for length in image.size)
                box = (left, top, min(left + side, image.width), min(top + side, image.height))
                yield np.asarray(image.convert("RGB").crop(box))


def measure(pixels: np.ndarray, encoder: str, quality: int, folder: Path) -> dict[str, float]:
    """Counts of one picture."""
    path = folder / "x.jpg"
    with jpeglib.version(encoder):
        image = jpeglib.from_spatial(pixels)
        image.samp_factor = "4:2:0"
        image.write_spatial(str(path), qt=quality)
    jpeg = read_jpeg(path)
    again = recompress(jpeg, pixels)
    away = distances(jpeg, pixels)
    pairs = list(zip(jpeg.coefficients, again.coefficients, strict=True))
    smaller = sum(int((np.abs(a.astype(int)) < np.abs(b.astype(int))).sum()) for a, b in pairs)
    return {
        "outside": sum(again.different),
        "smaller": smaller,
        "total": sum(grid.size for grid in jpeg.coefficients),
        "largest": max(float(far.max()) for far in away),
        **{
            f"beyond {slack:g}": sum(int((far > 0.5 + slack).sum()) for far in away)
            for slack in SLACKS
        },
        "bytes": jpeg.file_size,
        "told": looks_like_trellis(jpeg.coefficients[0], jpeg.tables[0]),
    }


@click.command()
@click.argument("originals", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--quality", "qualities", default="10,50,75,90,95", show_default=True)
@click.option("--side", default=512, show_default=True)
@click.option("--encoder", "encoders", multiple=True, default=ENCODERS)
@click.option("--count", default=8, show_default=True, help="Originals, of each folder.")
def main(
    originals: tuple[Path, ...], qualities: str, side: int, encoders: tuple[str, ...], count: int
) -> None:
    """Print a line of JSON for each encoder and quality."""
    pictures = list(crops(originals, side))[:count]
    with tempfile.TemporaryDirectory() as name:
        for encoder in encoders:
            for quality in map(int, qualities.split(",")):
                found = [measure(p, encoder, quality, Path(name)) for p in pictures]
                total = sum(one["total"] for one in found)
                row = {
                    "encoder": encoder,
                    "quality": quality,
                    "outside %": round(100 * sum(one["outside"] for one in found) / total, 4),
                    "nearer to 0 %": round(100 * sum(one["smaller"] for one in found) / total, 4),
                    **{
                        f"beyond {s:g} %": round(
                            100 * sum(f[f"beyond {s:g}"] for f in found) / total, 4
                        )
                        for s in SLACKS
                    },
                    "largest": round(max(one["largest"] for one in found), 3),
                    "told": f"{sum(one['told'] for one in found):g} of {len(found)}",
                    "bytes": sum(one["bytes"] for one in found),
                }
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
