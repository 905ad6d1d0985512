"""Getting the bytes of an input: a path, bytes, or a stream."""

import os
import re
from pathlib import Path
from typing import BinaryIO

from jpegx.errors import UnreadableJpeg, printable
from jpegx.io.failures import reason_of

# No picture within the size limits fills this.
MAX_FILE_SIZE = 1 << 29

_BEGIN = b"\xff\xd8"
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_LOOK = 1 << 20  # bytes at the beginning in which a JPEG file has a marker


def load(source: Path | bytes | BinaryIO) -> bytes:
    """All bytes of the input; the first few only if they do not begin a JPEG file.

    So a device or an endless stream is not read to no end. Raises UnreadableJpeg if it cannot be
    read, has no marker in its first MiB, or is over 512 MiB.
    """
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, Path):
            with source.open("rb") as stream:
                return _read(stream)
        return _read(source)
    except OSError as error:
        raise UnreadableJpeg(reason_of(error)) from None


def _read(stream: BinaryIO) -> bytes:
    begin = _exactly(stream, len(_BEGIN))
    if begin != _BEGIN:
        return begin
    look = _exactly(stream, _LOOK)
    if len(look) == _LOOK and not _MARKER.search(look):
        raise UnreadableJpeg("there is no marker in its first MiB; give JPEG files only")
    rest = _exactly(stream, MAX_FILE_SIZE + 1 - len(begin) - len(look))
    if len(begin) + len(look) + len(rest) > MAX_FILE_SIZE:
        raise UnreadableJpeg("the input is larger than 512 MiB; cut off what is not the JPEG")
    return b"".join((begin, look, rest))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or what there is: a stream without a buffer gives less than it is asked for.

    (As that of a pipe.)
    """
    pieces = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def source_name(source: Path | bytes | BinaryIO, name: str | None) -> str:
    """What messages call the input, always one printable line."""
    if name is None:
        name = os.fspath(source) if isinstance(source, Path) else "JPEG data"
    return printable(name)
