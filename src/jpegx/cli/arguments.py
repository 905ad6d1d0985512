"""Files that are named on the command line, where - is standard input."""

import os
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO, Literal

import click

from jpegx.io.failures import reason_of


class NameListFile(click.File):
    """A file of names, opened; what is wrong with it is told with what to do."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 (as click has it)
        """The open file. Raises click.BadParameter."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message}; check the name and its permissions.", param, ctx)


_EMPTY = "an empty name; a variable may not be set."


class OutputName(click.ParamType[str]):
    """Where pictures go: a folder, a file, a template of names, or - for standard output."""

    name = "path"

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The name. Raises click.BadParameter for an empty one, which is no current folder."""
        if value == "":
            self.fail(_EMPTY, param, ctx)
        return str(value)


class NamedPath(click.Path):
    """A path of an option or argument; of what is wrong with it all of jpegx says the same.

    ``there``: what must be there, None where who uses it looks.
    """

    def __init__(self, there: Literal["file", "folder", "either"] | None = None) -> None:
        super().__init__(path_type=Path, readable=False)
        self._there = there

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """The path. Raises click.BadParameter if it is empty or what must be there is not."""
        if value == "":
            self.fail(_EMPTY, param, ctx)
        path = Path(value)
        if self._there is not None:
            try:
                is_folder = stat.S_ISDIR(os.stat(value).st_mode)  # noqa: PTH116 ("" is no folder)
            except (OSError, ValueError) as error:
                reason = reason_of(error) if isinstance(error, OSError) else str(error)
                self.fail(f"{value}: {reason}.", param, ctx)
            if self._there == "file" and is_folder:
                self.fail(f"{value}: a folder; name a file.", param, ctx)
            if self._there == "folder" and not is_folder:
                self.fail(f"{value}: a file; name a folder.", param, ctx)
        return path


def source_of(argument: str) -> Path | BinaryIO:
    """What the argument stands for: a path, or the stream of standard input for "-"."""
    return sys.stdin.buffer if argument == "-" else Path(argument)


def name_of(argument: str) -> str:
    """What messages call it."""
    return "standard input" if argument == "-" else argument


def check_standard_input(*arguments: str) -> None:
    """Raise click.UsageError if more than one of the arguments is standard input."""
    if arguments.count("-") > 1:
        raise click.UsageError("only one file can come from standard input.")
