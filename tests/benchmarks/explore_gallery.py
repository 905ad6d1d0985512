"""A gallery of edits as Bahat and Michaeli 2021 show them, each verified exact by libjpeg.

    python tests/benchmarks/explore_gallery.py KODAK PICTURE [--quality 10] [--model general]

KODAK is a folder with that data set; PICTURE is written: two of its pictures edited, the digits of
a rendered clock, and stripes near the finest that pixels hold. One line is printed for each edit.
Exit status 1 if one is not exact.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from jpegx.consistency.recompress import recompress
from jpegx.evaluation.benchmark.encoding import compress
from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.minimise import Limits
from jpegx.exploration.run_edit import run
from jpegx.exploration.selection import Selection, select
from jpegx.exploration.shapes import Ellipse, Rectangle, Shape
from jpegx.exploration.state import State
from jpegx.exploration.workbench import Start, Workbench
from jpegx.io.picture_reader import read_rgb
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.spec import SamplerSpec

SIDE = 192  # pixels of each crop in the gallery
LIMITS = Limits(40, 600)
Shown = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Tile:
    """An edit: the tool, the shape of its region, its parameters, what it varies."""

    name: str
    tool: str
    shape: Shape
    values: Mapping[str, Any]
    over: Any = None


FACE = Box(304, 148, 400, 244)  # kodak 4
FACE_EDITS = (
    Tile("more contrast", "variance", Ellipse(164, 316, 68, 76), {"strength": 4.0}),
    Tile("smoother", "smooth", Ellipse(164, 316, 68, 76), {}),
    Tile("darker eye", "darken", Ellipse(212, 312, 44, 32), {"to": "max"}),
    Tile("as far apart", "dissimilar", Rectangle(160, 320, 64, 32), {}),
)
SEA = Box(380, 300, 476, 396)  # kodak 16
SEA_EDITS = (
    Tile("stronger waves", "magnitude", Rectangle(312, 392, 64, 64), {"strength": 6.0}),
    Tile("calm", "smooth", Rectangle(312, 392, 64, 64), {"flatten": True}),
    Tile("brightest", "brighten", Rectangle(312, 392, 64, 64), {"to": "max"}),
    Tile("more colour", "saturation", Rectangle(312, 392, 64, 64), {"strength": 30.0}),
)


def photo(path: Path, quality: int, box: Box, tiles: Sequence[Tile], model: str) -> list[Shown]:
    """Original, JPEG, a sample, and its edits."""
    pixels = read_rgb(path)
    shown = row(pixels, quality, box, tiles, model, "sample")
    return [("original", box_of(pixels, box)), *shown]


def row(
    pixels: np.ndarray,
    quality: int,
    box: Box,
    tiles: Sequence[Tile],
    model: str,
    start: Start,
) -> list[Shown]:
    """The JPEG of pixels (height, width, 3), what exploration starts from, and edits of it."""
    jpeg = read_jpeg(compress(torch.tensor(pixels).permute(2, 0, 1), quality, "4:2:0"))
    bench = Workbench(jpeg, "gallery", SamplerSpec(model), start)
    shown = [("JPEG", bench.look(box))]
    state = State(bench)
    around = select(jpeg.layout, [Rectangle(box.left, box.top, *size_of(box))])
    first = run(state, Request("random", around))[0]
    state = state.then(first.patch)
    if start == "sample":
        shown.append(("a sample", state.look(box)))
    for tile in tiles:
        region = select(jpeg.layout, [tile.shape])
        count = 2 if tile.tool == "dissimilar" else 1
        request = Request(
            tile.tool, region, tile.values, tile.over, alternatives=count, limits=LIMITS
        )
        for edit in run(state, request)[:count]:
            check(tile.name, state, edit, region)
            shown.append((f"{tile.name} ({edit.after:.1f})", state.then(edit.patch).look(box)))
    return shown


def check(name: str, state: State, edit: Edit, region: Selection) -> None:
    """Ask libjpeg, and say what came out."""
    units = edit.patch.touched
    pixels = state.then(edit.patch).look(units.box)
    part = units.jpeg(state.workbench.jpeg)
    different = sum(recompress(part, pixels).different)
    print(
        f"{name:16} {edit.quantity} {edit.before:7.2f} -> {edit.after:7.2f}  "
        f"{different} of {edit.patch.total} differ, {edit.seconds:.1f} s",
        flush=True,
    )
    FAILED.append(different)


FAILED: list[int] = []


def digit(text: str, size: tuple[int, int], alpha: bool) -> np.ndarray:
    """A digit in green on black, soft, uint8 (height, width, 3); with an opaque alpha channel."""
    image = Image.new("RGB", size, (20, 24, 20))
    font = ImageFont.load_default(size=size[1] - 6)
    pen = ImageDraw.Draw(image)
    pen.text((size[0] / 2, size[1] / 2), text, (140, 230, 150), font, anchor="mm")
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)))
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]) if alpha else pixels


def clock(quality: int, model: str, tool: str) -> list[Shown]:
    """A clock's last digit, an 8: other digits, pasted, or in the eyes of a classifier."""
    size = (20, 30)
    pixels = np.full((48, 128, 3), (20, 24, 20), np.uint8)
    for number, text in enumerate("12:08"):
        pixels[9:39, 12 + 21 * number : 32 + 21 * number] = digit(text, size, alpha=False)
    box = Box(0, 64, 48, 128)
    place = Rectangle(96, 9, *size)
    tiles = []
    for text in "86037":
        pasted = {"image": digit(text, size, alpha=True)}
        values = pasted if tool == "imprint" else {"character": text}
        tiles.append(Tile(f"{tool} {text}", tool, place, values, "cells"))
    shown = row(pixels, quality, box, tiles, model, "standard")
    return [("original: 8", box_of(pixels, box)), *shown]


def stripes(quality: int, model: str) -> list[Shown]:
    """A fan of fine stripes, and pictures of it that repeat themselves."""
    down, across = np.mgrid[0:96, 0:96]
    wave = 128 + 70 * np.sin(2 * np.pi * (across + 0.15 * down) / 3.4)
    pixels = np.repeat(wave.round().astype(np.uint8)[..., None], 3, axis=2)
    place = Rectangle(16, 16, 64, 64)
    periods = {"periods": [(3.4, 0.0)], "strength": 8.0}
    tiles = [
        Tile("period 3.4", "periodic", place, periods, "cells"),
        Tile("both periods", "periodic", place, {"periods": [(3.4, 0.0), (-0.15, 1.0)]}, "cells"),
        Tile("flat", "smooth", place, {"flatten": True}, "cells"),
    ]
    box = Box(0, 0, 96, 96)
    return [("original", pixels), *row(pixels, quality, box, tiles, model, "sample")]


def box_of(pixels: np.ndarray, box: Box) -> np.ndarray:
    """A part of pixels."""
    return pixels[box.rows, box.columns]


def size_of(box: Box) -> tuple[int, int]:
    """Width and height."""
    return box.right - box.left, box.bottom - box.top


def sheet(rows: Sequence[Sequence[Shown]]) -> Image.Image:
    """All of it, each with its name above."""
    step, line, gap = SIDE + 6, 14, 6
    across = max(map(len, rows))
    whole = Image.new("RGB", (across * step + gap, len(rows) * (step + line) + gap), "white")
    pen = ImageDraw.Draw(whole)
    for down, shown in enumerate(rows):
        for number, (name, pixels) in enumerate(shown):
            x, y = gap + number * step, gap + down * (step + line)
            image = Image.fromarray(pixels)
            scale = SIDE / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            whole.paste(image.resize(size, Image.Resampling.NEAREST), (x, y + line))
            pen.text((x, y), name, fill="black")
    return whole


@click.command()
@click.argument("kodak", type=click.Path(exists=True, path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--quality", default=10, show_default=True)
@click.option("--model", default="general", show_default=True)
def main(kodak: Path, picture: Path, quality: int, model: str) -> None:
    """Write the gallery."""
    rows = [
        photo(next(kodak.glob("4.*")), quality, FACE, FACE_EDITS, model),
        photo(next(kodak.glob("16.*")), quality, SEA, SEA_EDITS, model),
        clock(quality, model, "imprint"),
        clock(quality, model, "classify"),
        stripes(quality, model),
    ]
    sheet(rows).save(picture, quality=88)
    sys.exit(1 if any(FAILED) else 0)


if __name__ == "__main__":
    main()
