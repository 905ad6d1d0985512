"""Options of the commands that write a file of weights."""

import os
from pathlib import Path

import click

from jpegx.io.failures import one_line
from jpegx.io.paths import check_place
from jpegx.models.zoo import SUFFIX

note_option = click.option(
    "--note",
    "notes",
    multiple=True,
    metavar="KEY=TEXT",
    help='Add to the card, as in --note "licence=CC BY 4.0". Again for more.',
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace FILE if it is there already."
)


def check_new(file: Path, *, overwrite: bool) -> None:
    """Raise click.UsageError if a file of weights cannot be written under a name."""
    if os.path.lexists(file) and not overwrite and file.suffix == SUFFIX:
        raise click.UsageError(f"{file} exists; add --overwrite to replace it.")
    if file.suffix != SUFFIX:
        raise click.UsageError(
            f"{file}: weights are files that end in {SUFFIX}; name the new one last."
        )
    try:
        check_place(file)
    except OSError as error:
        raise click.UsageError(f"{one_line(error, str(file))}.") from None


def parse_notes(notes: tuple[str, ...]) -> dict[str, str]:
    """The notes of a card. Raises click.UsageError."""
    pairs = [note.partition("=") for note in notes]
    if any(not key or not equals for key, equals, _ in pairs):
        raise click.UsageError("write --note KEY=TEXT.")
    return {key: text for key, _, text in pairs}
