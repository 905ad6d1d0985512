"""The inputs of a command: files, folders, lists of names, standard input."""

import codecs
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from jpegx.errors import JpegxError
from jpegx.io.paths import is_pipe_or_device

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mjpg", ".mjpeg"})

PICTURE_SUFFIXES = frozenset(
    {".png", ".webp", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".gif", ".avif"}
)

# What macOS leaves beside files on disks and in archives of others: no pictures.
_SIDECAR, _SIDECAR_FOLDER = "._", "__MACOSX"

Say = Callable[[str], None]


class UnreadableList(JpegxError):
    """A list of names that cannot be read."""


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


def split_suffix(name: str, suffixes: frozenset[str] = JPEG_SUFFIXES) -> tuple[str, str]:
    """A file name without its ending, and the ending if it is one of some; else all of it and "".

    "..jpg" is "." and ".jpg"; ".jpg" has no ending: nothing stands before it.
    """
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and (dot + ending).lower() in suffixes else (name, "")


def is_sidecar(relative: Path) -> bool:
    """Whether a path below a folder is one of those that macOS adds: no picture of the user's."""
    return relative.name.startswith(_SIDECAR) or _SIDECAR_FOLDER in relative.parts


def find_inputs(
    names: Iterable[str],
    *,
    recursive: bool,
    failed: Say,
    noted: Say,
    below: Path | None = None,
) -> list[Input]:
    """The inputs that the names stand for, in order, each once.

    A file is taken whatever its suffix. A folder stands for the files in it with a JPEG suffix,
    sorted by name, and with ``recursive`` for those of its sub-folders. Below an output folder a
    file keeps its name alone, or with ``below`` its path from that folder on; what a folder holds
    keeps its path in it, and of several folders the path from the folder on that holds them all.
    What is missing, cannot be listed or is not ``below`` is told to ``failed``, one line each; to
    ``noted`` what was left out in good order: links to folders.
    """
    found: dict[Path, Input] = {}
    folders: list[tuple[str, list[Input]]] = []
    for name in names:
        try:
            is_folder = stat.S_ISDIR(os.stat(name).st_mode)  # noqa: PTH116 (Path("") is the current folder)
        except OSError as error:
            failed(f"{name}: {error.strerror}")
            continue
        except ValueError:
            failed(f"{name}: a zero byte in a name (-0 reads lists that separate names with them)")
            continue
        if not is_folder:
            found.setdefault(Path(name), Input(Path(name), Path(Path(name).name)))
            continue
        inside = list(_walk(name, recursive, failed, noted))
        if not inside:
            hint = "" if recursive else " (-r looks into its sub-folders)"
            failed(f"{name}: no JPEG files in this folder{hint}")
        folders.append((name, inside))
        for source in inside:
            found.setdefault(source.path, source)
    sources = list(found.values())
    if below is not None:
        return list(_below(below, sources, failed))
    return _apart(sources, folders)


def find_pictures(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The picture files in a folder, sorted, so that their order is the same everywhere."""
    return sorted(
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if split_suffix(path.name, PICTURE_SUFFIXES)[1]
        and not is_pipe_or_device(path)
        and not is_sidecar(path.relative_to(folder))
    )


def read_names(stream: BinaryIO, *, null: bool) -> list[str]:
    """The file names of a list, one a line, or with ``null`` each ended by a zero byte.

    Raises UnreadableList for UTF-16, which some programs write.
    """
    data = stream.read()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        not null and data[:200].count(0) > len(data[:200]) // 4
    ):
        raise UnreadableList("the list of names is in UTF-16; save it in UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    entries = data.split(b"\0" if null else b"\n")
    if not null:
        entries = [entry.removesuffix(b"\r") for entry in entries]
    return [os.fsdecode(entry) for entry in entries if entry]


def _walk(folder: str, recursive: bool, failed: Say, noted: Say) -> Iterator[Input]:
    def unreadable(error: OSError) -> None:
        failed(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=unreadable):
        if recursive:
            folders[:] = sorted(name for name in folders if name != _SIDECAR_FOLDER)
            for name in folders:
                if Path(place, name).is_symlink():
                    noted(f"{Path(place, name)}: a link to a folder, not followed; name it itself")
        else:
            folders.clear()
        for file in sorted(files):
            path = Path(place, file)
            if not split_suffix(file)[1] or is_sidecar(Path(file)):
                continue
            if is_pipe_or_device(path):
                failed(f"{path}: not a file but a pipe or a device")
                continue
            yield Input(path, path.relative_to(folder))


def _below(folder: Path, sources: Sequence[Input], failed: Say) -> Iterator[Input]:
    """The inputs with their paths from a folder on."""
    start = os.path.abspath(folder)  # noqa: PTH100 (links stay what they are)
    for source in sources:
        path = Path(os.path.abspath(source.path))  # noqa: PTH100
        if path.is_relative_to(start):
            yield replace(source, relative=path.relative_to(start))
        else:
            failed(f"{source.path}: is not below {folder}, the folder of --relative-to")


def _apart(sources: list[Input], folders: Sequence[tuple[str, list[Input]]]) -> list[Input]:
    """The inputs so that files of the same name in several folders stay apart."""
    roots = {os.path.abspath(name) for name, _ in folders}  # noqa: PTH100 (as above)
    if len(roots) < 2:
        return sources
    common = os.path.commonpath(list(roots))
    inside = {source.path for _, found in folders for source in found}
    return [
        replace(source, relative=Path(os.path.abspath(source.path)).relative_to(common))  # noqa: PTH100
        if source.path in inside
        else source
        for source in sources
    ]
