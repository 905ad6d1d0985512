"""What the tools of jpegx explore share: the region, the file, where answers and pictures go."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from jpegx.cli.arguments import NamedPath, name_of, source_of
from jpegx.cli.console import Console
from jpegx.cli.shared_options import Finite, spec_of
from jpegx.errors import JpegxError, printable
from jpegx.io.failures import one_line, reason_of
from jpegx.io.inputs import PICTURE_SUFFIXES
from jpegx.io.paths import check_folder, check_place, is_folder

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    from jpegx.exploration.draws import DrawRequest
    from jpegx.exploration.selection import Selection
    from jpegx.exploration.shapes import Shape
    from jpegx.exploration.statements import Answer
    from jpegx.jpeg.file import QuantizedJpeg
    from jpegx.jpeg.layout import Layout

FAILED, NOT_EXACT = 1, 3
# Options of another name than the parameter.
_OPTIONS = {"periods": "period"}
# Exit statuses of what is decided about a hypothesis.
DECIDED = {"consistent": 0, "impossible": 4, "undecided": 5}


@dataclass(frozen=True)
class RegionRequest:
    """The region of the command line, before the size of the picture is known."""

    shapes: "tuple[Shape, ...]"
    masks: tuple[Path, ...]
    invert: bool
    snap: Literal["none", "blocks", "units"]

    def select(self, layout: "Layout") -> "Selection":
        """The region in a picture. Raises JpegxError: no pixel in it, or a mask is no mask."""
        from jpegx.exploration.selection import select
        from jpegx.exploration.shapes import read_mask

        masks = (read_mask(path, (layout.width, layout.height)) for path in self.masks)
        return select(layout, (*self.shapes, *masks), invert=self.invert, snap=self.snap)


def region_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which region is meant; the command gets a RegionRequest, ``region``."""

    @click.option(
        "--region",
        "rectangles",
        multiple=True,
        metavar="X,Y,WxH",
        help="A rectangle of W by H pixels, with its upper left one at X,Y. As all shapes again "
        "for more: their union. Without any shape the whole picture is meant.",
    )
    @click.option(
        "--polygon",
        "polygons",
        multiple=True,
        metavar="'X,Y X,Y ...'",
        help="The inside of a line through points.",
    )
    @click.option(
        "--ellipse",
        "ellipses",
        multiple=True,
        metavar="X,Y,WxH",
        help="The ellipse in a rectangle.",
    )
    @click.option(
        "--mask",
        "masks",
        multiple=True,
        type=NamedPath(),
        metavar="PNG",
        help="The white part of a picture of the file's size.",
    )
    @click.option("--invert", is_flag=True, help="All pixels but these.")
    @click.option(
        "--snap",
        type=click.Choice(["none", "blocks", "units"]),
        default="none",
        show_default=True,
        help="Take in all of the 8x8 blocks, or of the units (MCUs), that the region touches: of "
        "whole ones the file tells much more.",
    )
    @wraps(command)
    def with_region(
        *args: object,
        rectangles: tuple[str, ...],
        polygons: tuple[str, ...],
        ellipses: tuple[str, ...],
        masks: tuple[Path, ...],
        invert: bool,
        snap: Literal["none", "blocks", "units"],
        **kwargs: object,
    ) -> None:
        from jpegx.exploration.shapes import (
            BadRegion,
            parse_ellipse,
            parse_polygon,
            parse_rectangle,
        )

        shapes: list[Shape] = []
        for option, texts, parse in (
            ("--region", rectangles, parse_rectangle),
            ("--polygon", polygons, parse_polygon),
            ("--ellipse", ellipses, parse_ellipse),
        ):
            for text in texts:
                try:
                    shapes.append(parse(text))
                except BadRegion as error:
                    raise click.BadParameter(str(error), param_hint=option) from None
        region = RegionRequest(tuple(shapes), masks, invert, snap)
        command(*args, region=region, **kwargs)

    return with_region


def writable(kind: Literal["file", "png", "folder", "either"]) -> Callable[..., Path | None]:
    """A callback of an option that names what is written: refused before any work if it cannot be.

    "png": no file that is named like another kind of picture; "either": that, or a folder for
    several.
    """

    def check(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
        if value is None:
            return None
        is_picture = kind in ("png", "either") and not is_folder(value)
        if is_picture and value.name.lower() in PICTURE_SUFFIXES:
            raise click.BadParameter(f"{value}: it has no name before its suffix.")
        in_it = kind == "folder" or (
            kind == "either" and (value.suffix.lower() != ".png" or is_folder(value))
        )
        if kind in ("png", "either") and value.suffix.lower() in PICTURE_SUFFIXES - {".png"}:
            raise click.BadParameter(f"{value}: pictures are written as PNG, not {value.suffix}.")
        try:
            (check_folder if in_it else check_place)(value)
        except OSError as error:
            raise click.BadParameter(f"{value}: {reason_of(error)}.") from None
        return value

    return check


json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")

output_option = click.option(
    "-o",
    "--output",
    type=NamedPath(),
    metavar="PNG",
    callback=writable("png"),
    help="Write the whole picture with the new pixels in it.",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace pictures that are there already."
)

model_option = click.option(
    "--model",
    metavar="NAME|FILE",
    help="What draws are taken from: installed weights (see jpegx models), a safetensors file of "
    "weights, or laplace.  [default: general, or laplace if it is not installed]",
)

draws_option = click.option(
    "-n",
    "--draws",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    metavar="N",
    help="Draws of the model to tell what is likely from; 0 leaves that out.",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Of the draws: the same seed gives the same draws.",
)


def _place(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    x, comma, y = value.partition(",")
    try:
        place = int(x), int(y)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not X,Y, as 120,80") from None
    if not comma or max(map(abs, place)) > 1_000_000:
        raise click.BadParameter(f"{value!r} is no place in a picture")
    return place


at_option = click.option(
    "--at",
    metavar="X,Y",
    callback=_place,
    help="Where the upper left pixel of the picture is; left out, it has the file's size.",
)

luma_option = click.option(
    "--luma", is_flag=True, help="Ask about the brightness (Y) alone, not about colour."
)

tolerance_option = click.option(
    "--tolerance",
    type=Finite(min=0, max=255),
    default=1.0,
    show_default=True,
    metavar="LEVELS",
    help="A picture this near (gray levels, root mean square) is as good as the one in mind.",
)


def draw_request(draws: int, model: str | None, seed: int) -> "DrawRequest | None":
    """The draws that the options ask for. Raises click.UsageError."""
    from jpegx.exploration.draws import DrawRequest

    if not draws:
        if model is not None:
            raise click.UsageError("--model says what draws are taken from; add -n 16.")
        return None
    spec = None
    if model is not None:
        spec = spec_of(model, "auto", "auto", None, self_ensemble=False)
    return DrawRequest(draws, spec, seed)


@contextmanager
def failures(console: Console, name: str) -> Iterator[None]:
    """Whatever is wrong with the inputs of a command becomes one line, and exit status 1.

    A value of an option that cannot be used is wrong usage, 2, also where only the file tells.
    """
    from jpegx.exploration.parameters import BadParameter

    try:
        yield
    except BadParameter as error:
        option = _OPTIONS.get(error.parameter, error.parameter)
        raise click.BadParameter(error.reason, param_hint=f"--{option}") from None
    except (JpegxError, MemoryError, OSError) as error:
        console.say(one_line(error, name))
        sys.exit(FAILED)


def open_jpeg(console: Console, argument: str, max_pixels: int) -> "QuantizedJpeg":
    """The file that a tool explores; warnings about it are told. Raises JpegxError."""
    from jpegx.jpeg.file import read_jpeg

    name = name_of(argument)
    jpeg = read_jpeg(source_of(argument), name=name, max_pixels=max_pixels)
    jpeg.layout.refuse_fractional()
    for warning in jpeg.warnings:
        console.say(printable(f"{name}: warning: {warning}"))
    return jpeg


def show(answer: "Answer", *, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        click.echo(json.dumps(answer.json()))
    else:
        click.echo("\n".join(printable(line) for line in answer.lines()))
