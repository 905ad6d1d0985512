"""The inputs of a command: files, folders, lists of names, standard input."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from jpegx.io.paths import is_pipe_or_device

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mjpg", ".mjpeg"})


@dataclass(frozen=True)
class Input:
    """One JPEG to read: the file ``path``, or a ``stream`` that is named like one.

    ``relative``: its name with the sub-folders that it keeps below an output folder.
    """

    path: Path
    relative: Path
    stream: BinaryIO | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path) if self.stream is None else "standard input"


def find_inputs(
    names: Iterable[str], *, recursive: bool, failed: Callable[[str], None]
) -> list[Input]:
    """The inputs that the names stand for, in order, each once.

    A file is taken whatever its suffix. A folder stands for the files in it with a JPEG suffix,
    sorted by name, and with ``recursive`` for those of its sub-folders. What is missing or cannot
    be listed is told to ``failed``, one line each.
    """
    found: dict[Input, None] = {}
    for name in names:
        try:
            is_folder = stat.S_ISDIR(os.stat(name).st_mode)  # noqa: PTH116 (Path("") is the current folder)
        except OSError as error:
            failed(f"{name}: {error.strerror}")
        except ValueError:
            failed(f"{name}: a zero byte in a name (-0 reads lists that separate names with them)")
        else:
            inside = list(_walk(name, recursive, failed)) if is_folder else [_one_file(Path(name))]
            if not inside:
                hint = "" if recursive else " (-r looks into its sub-folders)"
                failed(f"{name}: no JPEG files in this folder{hint}")
            found.update(dict.fromkeys(inside))
    return list(found)


def read_names(stream: BinaryIO, *, null: bool) -> list[str]:
    """The file names of a list, one a line, or with ``null`` each ended by a zero byte."""
    entries = stream.read().split(b"\0" if null else b"\n")
    if not null:
        entries = [entry.removesuffix(b"\r") for entry in entries]
    return [os.fsdecode(entry) for entry in entries if entry]


def _one_file(path: Path) -> Input:
    return Input(path, Path(path.name))


def _walk(folder: str, recursive: bool, failed: Callable[[str], None]) -> Iterator[Input]:
    def unreadable(error: OSError) -> None:
        failed(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=unreadable):
        if recursive:
            folders.sort()
        else:
            folders.clear()
        for file in sorted(files):
            path = Path(place, file)
            if path.suffix.lower() not in JPEG_SUFFIXES:
                continue
            if is_pipe_or_device(path):
                failed(f"{path}: not a file but a pipe or a device")
                continue
            yield Input(path, path.relative_to(folder))
