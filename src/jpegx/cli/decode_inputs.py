"""What jpegx decode is given, and where its pictures go: checked before any work."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import click

from jpegx.batch.outputs import is_picture, is_template
from jpegx.cli.decode_report import DecodeReport
from jpegx.io.failures import reason_of
from jpegx.io.formats import CONTAINERS
from jpegx.io.inputs import (
    JPEG_SUFFIXES,
    PICTURE_SUFFIXES,
    Input,
    NameList,
    UnreadableList,
    find_inputs,
)
from jpegx.io.paths import check_folder, check_place, is_folder

OTHER_PICTURES = JPEG_SUFFIXES | PICTURE_SUFFIXES


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


def check_pictures(
    output: str | None,
    samples: int,
    *,
    mean: bool,
    std_map: bool,
    as_json: bool,
    of_many: Mapping[str, bool],
) -> None:
    """Raise click.UsageError for pictures that are asked for and do not go together.

    ``of_many``: options that mean nothing for one picture, and whether they are given.
    """
    if samples == 1 and (mean or std_map):
        raise click.UsageError("--mean and --std-map need at least two samples; add -n 8.")
    if output != "-":
        return
    if samples > 1 or as_json:
        raise click.UsageError("-o - is for one picture; leave out -n, --mean, --std-map, --json.")
    if given := [option for option, is_given in of_many.items() if is_given]:
        raise click.UsageError(f"-o - is for one picture of one file; leave out {given[0]}.")
    if sys.stdout.isatty():
        raise click.UsageError("a PNG file does not go to a terminal; send it to a file or a pipe.")


def check_target(target: Path, option: str = "-o") -> None:
    """Raise click.UsageError if no pictures can go there."""
    if is_template(str(target)):
        return
    is_file = is_picture(target)
    if not is_file and not is_folder(target):
        if target.name.lower() in OTHER_PICTURES:
            raise click.UsageError(f"{option} {target}: it has no name before its suffix.")
        if target.suffix.lower() in OTHER_PICTURES:
            names = ", ".join(known.name for known in CONTAINERS.values())
            raise click.UsageError(
                f"{option} {target}: pictures are written as {names}, not as {target.suffix}."
            )
        if os.path.lexists(target):
            raise click.UsageError(f"{option} {target} is a file, not a folder.")
    try:
        (check_place if is_file else check_folder)(target)
    except OSError as error:
        raise click.UsageError(f"{option} {target}: {reason_of(error)}.") from None


class Names:
    """The names of inputs: those of the command line, then those of a list, again and again.

    Raises click.BadParameter for a list that cannot be read.
    """

    def __init__(self, inputs: tuple[str, ...], files_from: BinaryIO | None, *, null: bool) -> None:
        self._inputs = inputs
        try:
            self._list = None if files_from is None else NameList(files_from, null=null)
        except UnreadableList as error:
            raise click.BadParameter(str(error), param_hint="--files-from") from None

    def __iter__(self) -> Iterator[str]:
        yield from self._inputs
        yield from self._list or ()


def find_sources(
    names: Names, recursive: bool, below: Path | None, report: DecodeReport
) -> Iterator[Input]:
    """All files that are meant, as they are asked for; what is wrong with some is reported."""
    if list(islice(names, 2)) == ["-"]:
        yield Input(Path("-"), Path("stdin"), sys.stdin.buffer)
        return
    is_empty = True
    for source in find_inputs(
        names, recursive=recursive, failed=report.failed, noted=report.noted, below=below
    ):
        is_empty = False
        yield source
    if is_empty and not report.failures:
        report.failed("jpegx: the list of inputs is empty")


@contextmanager
def standard_output(path: Path) -> Iterator[BinaryIO]:
    """A stand-in for an output file: all of it goes to standard output at the end, or nothing."""
    picture = BytesIO()
    yield picture
    sys.stdout.buffer.write(picture.getbuffer())
    sys.stdout.buffer.flush()
