"""The inputs of a command: files, folders, lists of names, standard input."""

import codecs
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from jpegx.errors import JpegxError
from jpegx.io.failures import reason_of
from jpegx.io.paths import is_folder, is_pipe_or_device
from jpegx.io.seen import Seen

JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mjpg", ".mjpeg"})

PICTURE_SUFFIXES = frozenset(
    {
        ".png",
        ".webp",
        ".jpg",
        ".jpeg",
        ".tif",
        ".tiff",
        ".bmp",
        ".ppm",
        ".pgm",
        ".gif",
        ".avif",
        ".jxl",
    }
)

# What macOS leaves beside files on disks and in archives of others: no pictures, which begin
# otherwise. "._0.png" may also be a picture of "..jpg".
_SIDECAR, _SIDECAR_FOLDER = "._", "__MACOSX"
_PICTURES_BEGIN = tuple(b"\xff\xd8 \x89PNG II MM RIFF BM GIF8 P5 P6 \xff\x0a".split())
_BOXES = (b"ftyp", b"JXL ")  # behind the length of the first

# Bytes of a list of names: read at a time, and looked at for its encoding.
_PIECE, _LOOK = 1 << 16, 200

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


def is_sidecar(path: Path, relative: Path) -> bool:
    """Whether a file is one of those that macOS adds, no picture; ``relative`` to the folder."""
    if _SIDECAR_FOLDER in relative.parts:
        return True
    if not path.name.startswith(_SIDECAR) or is_pipe_or_device(path):
        return False
    if split_suffix(path.name)[1]:  # of a JPEG file: only names of pictures can be our own
        return True
    try:
        with path.open("rb") as stream:
            first = stream.read(8)
    except OSError:
        return True
    return not first.startswith(_PICTURES_BEGIN) and first[4:] not in _BOXES


def find_inputs(
    names: Iterable[str],
    *,
    recursive: bool,
    failed: Say,
    noted: Say,
    below: Path | None = None,
) -> Iterator[Input]:
    """The inputs that the names stand for, in order, each once, as they are asked for.

    ``names``: gone through twice, and never held. A file is taken whatever its suffix. A folder
    stands for the files in it with a JPEG suffix, sorted by name, and with ``recursive`` for those
    of its sub-folders. Below an output folder a file keeps its name alone, or with ``below`` its
    path from that folder on; what a folder holds keeps its path in it, and of several folders the
    path from the folder on that holds them all. What is missing, cannot be listed or is not
    ``below`` is told to ``failed``, one line each; to ``noted`` what was left out in good order:
    links to folders.
    """
    start = common_folder(names) if below is None else os.path.abspath(below)  # noqa: PTH100
    seen = Seen()
    for name in names:
        for source, is_inside in _named(name, recursive, failed, noted):
            if not seen.add(str(source.path)):
                continue
            if start is None or (below is None and not is_inside):
                yield source
                continue
            path = Path(os.path.abspath(source.path))  # noqa: PTH100 (links stay what they are)
            if path.is_relative_to(start):
                yield replace(source, relative=path.relative_to(start))
            else:
                failed(f"{source.path}: is not below {below}, the folder of --relative-to")


def count_inputs(names: Iterable[str], *, recursive: bool) -> int:
    """How many inputs the names stand for, about: those that are named twice count twice."""

    def ignore(line: str) -> None:
        pass

    return sum(1 for name in names for _ in _named(name, recursive, ignore, ignore))


def common_folder(names: Iterable[str]) -> str | None:
    """The folder that holds all folders among the names; None if there are less than two."""
    roots = {os.path.abspath(name) for name in names if is_folder(name)}  # noqa: PTH100
    return os.path.commonpath(list(roots)) if len(roots) > 1 else None


def _named(name: str, recursive: bool, failed: Say, noted: Say) -> Iterator[tuple[Input, bool]]:
    """What a name stands for, and whether it is in a folder."""
    try:
        status = os.stat(name)  # noqa: PTH116 (Path("") is the current folder)
    except OSError as error:
        return failed(f"{name}: {reason_of(error)}")
    except ValueError:
        return failed(
            f"{name}: a zero byte in a name (-0 reads lists that separate names with them)"
        )
    if not stat.S_ISDIR(status.st_mode):
        yield Input(Path(name), Path(Path(name).name)), False
        return None
    is_empty = True

    def told(line: str) -> None:
        nonlocal is_empty
        is_empty = False
        failed(line)

    for source in _walk(name, recursive, told, noted):
        is_empty = False
        yield source, True
    if is_empty:
        hint = "name files of other endings" if recursive else "-r looks into its sub-folders"
        failed(f"{name}: no JPEG files in this folder; {hint}")
    return None


def find_pictures(
    folder: Path,
    *,
    recursive: bool = True,
    failed: Say | None = None,
    suffixes: frozenset[str] = PICTURE_SUFFIXES,
) -> list[Path]:
    """The picture files in a folder, sorted, so that their order is the same everywhere.

    Sub-folders that cannot be listed are told to ``failed``, one line each. Raises OSError if the
    folder itself, or without ``failed`` a sub-folder, cannot be listed.
    """

    def unreadable(error: OSError) -> None:
        if failed is None or Path(error.filename) == folder:
            raise error
        failed(_unlisted(error))

    found = []
    for place, folders, files in os.walk(folder, onerror=unreadable):
        if not recursive:
            folders.clear()
        found += [Path(place, file) for file in files if split_suffix(file, suffixes)[1]]
    return sorted(
        path
        for path in found
        if not is_pipe_or_device(path) and not is_sidecar(path, path.relative_to(folder))
    )


class NameList:
    """The names of a list, one a line, or with ``null`` each ended by a zero byte, again and again.

    ``stream``: of a file, or else copied into a temporary one. Raises UnreadableList for UTF-16,
    which some programs write.
    """

    def __init__(self, stream: BinaryIO, *, null: bool) -> None:
        self._null = null
        if stream.seekable():
            self._stream = stream
            self._start = stream.tell()
        else:
            self._start = 0
            self._stream = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the list)
            shutil.copyfileobj(stream, self._stream)
        self._stream.seek(self._start)
        first = self._stream.read(_LOOK)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
            not null and first.count(0) > len(first) // 4
        ):
            raise UnreadableList("the list of names is in UTF-16; save it in UTF-8")
        if first.startswith(codecs.BOM_UTF8):
            self._start += len(codecs.BOM_UTF8)

    def __iter__(self) -> Iterator[str]:
        position = self._start
        rest = b""
        end = b"\0" if self._null else b"\n"
        while piece := self._read(position):
            position += len(piece)
            *entries, rest = (rest + piece).split(end)
            yield from self._names(entries)
        yield from self._names([rest])

    def _read(self, position: int) -> bytes:
        self._stream.seek(position)
        return self._stream.read(_PIECE)

    def _names(self, entries: list[bytes]) -> Iterator[str]:
        for entry in entries:
            name = entry if self._null else entry.removesuffix(b"\r")
            if name:
                yield os.fsdecode(name)


def _walk(folder: str, recursive: bool, failed: Say, noted: Say) -> Iterator[Input]:
    def unreadable(error: OSError) -> None:
        failed(_unlisted(error))

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
            if not split_suffix(file)[1]:
                continue
            if is_pipe_or_device(path):
                failed(f"{path}: not a file but a pipe or a device")
                continue
            if is_sidecar(path, Path(file)):
                continue
            yield Input(path, path.relative_to(folder))


def _unlisted(error: OSError) -> str:
    return f"{error.filename}: {reason_of(error)}"
