"""jpegx info: what a JPEG file says about itself."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import check_standard_input, name_of, source_of
from jpegx.cli.console import Console
from jpegx.cli.shared_options import max_pixels_option
from jpegx.errors import printable
from jpegx.io.failures import one_line
from jpegx.io.paths import is_folder

if TYPE_CHECKING:  # numpy is imported when there is work: --help must be quick
    from jpegx.jpeg.describe import Description

FAILED = 1
_TRELLIS = (
    "looks like trellis quantization: the source may lie outside the file's cells "
    "(--slack of verify and explore bounds)"
)


_EXAMPLES = """\b
Examples:
  jpegx info photo.jpg
  jpegx info photos -r --json
"""


@click.command(short_help="Tell what JPEG files say about themselves.", epilog=_EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-r", "--recursive", is_flag=True, help="Look into the sub-folders of folders.")
@max_pixels_option
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per file.")
@click.pass_obj
def info(
    console: Console, files: tuple[str, ...], recursive: bool, max_pixels: int, as_json: bool
) -> None:
    """Tell what JPEG files say about themselves.

    For each FILE (- is standard input; a folder stands for the JPEG files in it): size, colour
    space, sampling factors (horizontal x vertical per component), coding, quantization tables with
    the IJG quality they stand for ("about" if they are not exactly the IJG's), bits per pixel,
    metadata, comments, what else is in the file, and warnings about damage. Files that are not
    decoded (CMYK, 12 bits, lossless ...) are described as well, with the reason.

    Exit status: 0, all files could be read; 1, some could not; 2, wrong usage.
    """
    check_standard_input(*files)

    from jpegx.jpeg.describe import describe_file

    exit_code = 0

    def failed(line: str) -> None:
        nonlocal exit_code
        console.say(printable(line))
        exit_code = FAILED

    for file in _expanded(files, recursive, failed, console):
        name = name_of(file)
        try:
            description = describe_file(source_of(file), name=name, max_pixels=max_pixels)
        except Exception as error:
            failed(one_line(error, name))
            continue
        if as_json:
            click.echo(json.dumps({"file": file, **asdict(description)}))
        else:
            click.echo(_text(name, description))
    sys.exit(exit_code)


def _expanded(
    files: tuple[str, ...], recursive: bool, failed: Callable[[str], None], console: Console
) -> Iterator[str]:
    """The files, with those of a folder in its place."""
    from jpegx.io.inputs import find_inputs

    for file in files:
        if file == "-" or not is_folder(file):
            yield file
            continue
        found = find_inputs(
            [file], recursive=recursive, failed=failed, noted=lambda s: console.say(printable(s))
        )
        yield from (str(source.path) for source in found)


def _text(name: str, description: "Description") -> str:
    d = description
    size = f"{d.width}x{d.height} ({d.megapixels:g} megapixels), {d.file_size:,} bytes"
    scans = "1 scan" if d.scans == 1 else f"{d.scans} scans"
    restarts = f", restart interval {d.restart_interval}" if d.restart_interval else ""
    each = "" if d.precision == 8 else f", {d.precision} bits a channel"
    rate = "" if d.bits_per_pixel is None else f", {d.bits_per_pixel:g} bits per pixel"
    rows: list[tuple[str, str]] = [
        *([("refused", d.refused)] if d.refused else []),
        ("size", f"{size}{rate}"),
        ("colour", f"{d.color}{each}"),
        ("sampling", d.sampling),
        ("coding", f"{d.coding}, {scans}{restarts}"),
        *([("quality", _quality(d))] if d.refused is None else []),
        *([("encoder", _TRELLIS)] if d.trellis else []),
        ("metadata", ", ".join(_metadata(d)) or "none"),
        *(("comment", printable(comment)) for comment in d.comments),
        *([("also", printable(", ".join(d.others)))] if d.others else []),
        *(("warning", warning) for warning in d.warnings),
        *_tables(d),
    ]
    return "\n".join([printable(name), *(f"  {label:<10}{value}" for label, value in rows)])


def _quality(description: "Description") -> str:
    if description.quality is None:
        return "tables unlike the IJG's"
    return f"{'' if description.quality_exact else 'about '}{description.quality} (IJG)"


def _metadata(description: "Description") -> list[str]:
    words = {
        "exif": "EXIF",
        "icc_profile": f"ICC profile {description.profile}",
        "xmp": "XMP",
        "photoshop": "image resources",
    }
    parts = [
        f"{printable(words[kind])} ({n:,} bytes)" for kind, n in description.metadata.items() if n
    ]
    if description.iptc:
        parts.append("IPTC")
    if description.dpi:
        across, down = description.dpi
        parts.append(f"{across:g}x{down:g} dpi" if across != down else f"{across:g} dpi")
    if description.aspect:
        parts.append("pixels not square, density {}:{}".format(*description.aspect))
    return parts


def _tables(description: "Description") -> list[tuple[str, str]]:
    """Each different table once, with the components that use it."""
    users: dict[str, list[str]] = {}
    for name, table in description.tables.items():
        text = "\n".join(" ".join(f"{step:>4}" for step in row) for row in table)
        users.setdefault(text, []).append(name)
    rows = []
    for text, names in users.items():
        rows.append(("steps", f"of {', '.join(names)}:"))
        rows += [("", line) for line in text.split("\n")]
    return rows
