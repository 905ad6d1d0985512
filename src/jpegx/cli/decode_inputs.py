"""What jpegx decode is given, and where its pictures go: checked before any work."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from jpegx.batch.outputs import TIFF_SUFFIXES, is_picture
from jpegx.cli.report import Report
from jpegx.io.inputs import JPEG_SUFFIXES, Input, find_inputs

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.sampling.finishing import Form

OTHER_PICTURES = JPEG_SUFFIXES | {".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jxl"}


def check_inputs(
    inputs: tuple[str, ...],
    output: str | None,
    files_from: BinaryIO | None,
    *,
    null: bool,
    preserve: bool,
) -> None:
    """Raise click.UsageError for inputs, and options about them, that do not go together."""
    if not inputs and files_from is None:
        raise click.UsageError("Missing argument 'INPUT...'.")
    if null and files_from is None:
        raise click.UsageError("-0 says how --files-from is read; add --files-from.")
    if "-" in inputs:
        if len(inputs) > 1 or files_from is not None:
            raise click.UsageError("a JPEG on standard input must be the only input.")
        if preserve:
            raise click.UsageError("standard input has no times that --preserve could keep.")
        if output is None:
            raise click.UsageError("a JPEG on standard input needs -o: a file, a folder or -.")
        if sys.stdin.isatty():
            raise click.UsageError("standard input is a terminal; send a JPEG file to it.")


def check_target(target: Path, form: "Form") -> None:
    """Raise click.UsageError if no pictures of this form can go there."""
    if target.is_dir():
        return
    if is_picture(target):
        is_tiff = target.suffix.lower() in TIFF_SUFFIXES
        if is_tiff and form == "png":
            raise click.UsageError(
                f"-o {target}: pictures are written as PNG; as TIFF with --ycbcr or --float."
            )
        if not is_tiff and form != "png":
            raise click.UsageError(f"-o {target}: --ycbcr and --float are written as TIFF (.tif).")
        return
    if target.suffix.lower() in OTHER_PICTURES:
        raise click.UsageError(f"-o {target}: pictures are written as PNG, not {target.suffix}.")
    if os.path.lexists(target):
        raise click.UsageError(f"-o {target} is a file, not a folder.")


def find_sources(
    names: list[str], recursive: bool, below: Path | None, report: Report
) -> list[Input]:
    """All files that are meant; what is wrong with some is reported."""
    if names == ["-"]:
        return [Input(Path("-"), Path("stdin"), sys.stdin.buffer)]
    sources = find_inputs(
        names, recursive=recursive, failed=report.failed, noted=report.noted, below=below
    )
    if not sources and not report.failures:
        report.failed("jpegx: the list of inputs is empty")
    return sources


@contextmanager
def standard_output(path: Path) -> Iterator[BinaryIO]:
    """A stand-in for an output file: all of it goes to standard output at the end, or nothing."""
    picture = BytesIO()
    yield picture
    sys.stdout.buffer.write(picture.getbuffer())
    sys.stdout.buffer.flush()
