"""Files that are named on the command line, where - is standard input."""

import sys
from pathlib import Path
from typing import BinaryIO

import click


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
