"""Getting the bytes of an input: a path, bytes, or a stream."""

import os
from pathlib import Path
from typing import BinaryIO

from jpegx.errors import UnreadableJpeg, printable

# No picture within the size limits fills this; it stops endless input such as /dev/zero.
MAX_FILE_SIZE = 1 << 29


def load(source: Path | bytes | BinaryIO) -> bytes:
    """All bytes of the input. Raises UnreadableJpeg if it cannot be read or is over 512 MiB."""
    if isinstance(source, bytes):
        return source
    try:
        if isinstance(source, Path):
            with source.open("rb") as stream:
                return _read(stream)
        return _read(source)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableJpeg(f"cannot be read ({reason}); check the name and permissions") from None


def _read(stream: BinaryIO) -> bytes:
    pieces = []
    left = MAX_FILE_SIZE + 1
    # A stream without a buffer, as of a pipe, gives less than it is asked for.
    while left and (piece := stream.read(left)):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise UnreadableJpeg("the input is larger than 512 MiB; cut off what is not the JPEG")
    return b"".join(pieces)


def source_name(source: Path | bytes | BinaryIO, name: str | None) -> str:
    """What messages call the input, always one printable line."""
    if name is None:
        name = os.fspath(source) if isinstance(source, Path) else "JPEG data"
    return printable(name)
