"""What verify and project share: a JPEG file and its pictures, or two folders of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from jpegx.cli.arguments import check_standard_input
from jpegx.cli.console import Console
from jpegx.errors import printable
from jpegx.io.paths import is_folder


class Tally:
    """Tells what goes wrong, and counts it.

    ``files``, ``missing``: of two folders the JPEG files, and those without a picture.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self.failures = self.files = self.missing = 0

    def failed(self, line: str) -> None:
        """Tell that something cannot be done."""
        self.failures += 1
        self._console.say(printable(line))

    def noted(self, line: str) -> None:
        """Tell what the user should know."""
        self._console.say(printable(line))


def are_folders(jpeg: str, pictures: Sequence[str], *, recursive: bool) -> bool:
    """Whether the arguments are two folders. Raises click.UsageError for what is neither."""
    check_standard_input(jpeg, *pictures)
    folders = [name for name in (jpeg, *pictures) if name != "-" and is_folder(name)]
    if folders and (len(folders) != 2 or len(pictures) != 1):
        raise click.UsageError("give one JPEG file and pictures, or two folders.")
    if recursive and not folders:
        raise click.UsageError("-r looks into folders; give two folders.")
    return bool(folders)


def pairs_of_folders(
    tally: Tally, jpegs: str, pictures: Path, *, recursive: bool
) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The JPEG files of a folder, each with the pictures of another that are named like it.

    Those without are told, and at the end the pictures of none of them.
    """
    from jpegx.batch.pairs import pair_up
    from jpegx.io.inputs import find_inputs

    sources = list(
        find_inputs([jpegs], recursive=recursive, failed=tally.failed, noted=tally.noted)
    )
    tally.files = len(sources)
    pairs, rest = pair_up(sources, pictures, recursive=recursive, failed=tally.failed)
    for source, found in pairs:
        if found:
            yield str(source.path), found
        else:
            tally.missing += 1
            tally.failed(f"{source.path}: no picture of it in {pictures}")
    for path in rest:
        tally.noted(f"{path}: no file in {jpegs} is named like it")
