"""Originals compressed as a file was: what the intervals of its draws are calibrated on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.selection import Selection, select
from jpegx.exploration.shapes import Rectangle
from jpegx.exploration.workbench import Workbench
from jpegx.io.picture_reader import read_rgb
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader import libjpeg

_AROUND = 128  # pixels of the original around the region that are compressed with it
_SUFFIXES = frozenset((".png", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".avif"))


def calibration_samples(
    workbench: Workbench, region: Selection, folder: Path, count: int, seed: int
) -> Iterator[tuple[Workbench, Selection, np.ndarray]]:
    """Parts of the originals in a folder, compressed with the file's tables and sampling.

    Each with a rectangle of the region's size at a random place, and its own pixels. Raises
    JpegxError if there are no originals, or none is large enough; UnreadablePicture.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES)
    random = np.random.default_rng(seed)
    box, jpeg = region.box, workbench.jpeg
    width, height = box.right - box.left, box.bottom - box.top
    made = 0
    while made < count:
        before = made
        for path in (paths[number] for number in random.permutation(len(paths))):
            pixels = read_rgb(path)
            if made == count:
                break
            if pixels.shape[0] < height or pixels.shape[1] < width:
                continue
            y, x = (
                int(random.integers(0, pixels.shape[axis] - size + 1))
                for axis, size in ((0, height), (1, width))
            )
            yield _sample(workbench, jpeg, pixels, (x, y, width, height))
            made += 1
        if made == before:
            raise JpegxError(
                f"{folder}: no originals (PNG, WebP, TIFF ...) of at least {width}x{height} pixels"
            )


def _sample(
    workbench: Workbench,
    jpeg: QuantizedJpeg,
    pixels: np.ndarray,
    place: tuple[int, int, int, int],
) -> tuple[Workbench, Selection, np.ndarray]:
    x, y, width, height = place
    top, left = max(0, y - _AROUND), max(0, x - _AROUND)
    cut = pixels[top : y + height + _AROUND, left : x + width + _AROUND]
    if jpeg.layout.channels == 1:
        cut = (cut.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
        cut = cut.round().astype(np.uint8)
    cut = np.ascontiguousarray(cut)
    layout = Layout(cut.shape[1], cut.shape[0], jpeg.layout.color_space, jpeg.layout.factors)
    coefficients = libjpeg.encode(cut, layout, jpeg.tables)
    file = QuantizedJpeg(layout, coefficients, jpeg.tables, "baseline")
    bench = Workbench(file, "an original", workbench.spec)
    if workbench.has_noise:
        bench.sampler = workbench.sampler
    region = select(layout, [Rectangle(x - left, y - top, width, height)])
    return bench, region, cut
