"""Pixels and chunks into one PNG file (ISO/IEC 15948)."""

import zlib
from collections.abc import Iterable
from threading import Event
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from PIL import Image

_HEADER = 8 + 25  # bytes of the signature and the chunk IHDR


class Stopped(Exception):
    """The run is being stopped: the picture is not written."""


class Chunk(NamedTuple):
    """One chunk of a PNG file: its type, four letters, and its data."""

    kind: bytes
    data: bytes

    def encode(self) -> bytes:
        """The chunk as it stands in a file, with its length and its check sum."""
        body = self.kind + self.data
        return len(self.data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def encode_png(
    stream: BinaryIO,
    pixels: np.ndarray,
    chunks: Iterable[Chunk],
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Encode uint8 pixels (height, width, 1 or 3) to a stream, with further chunks before them.

    ``chunks``: such as may stand before the pixels and need no order. Raises Stopped once ``stop``
    is set.
    """
    image = pillow_image(pixels)
    inserted = b"".join(chunk.encode() for chunk in chunks)
    target = cast(BinaryIO, _Stream(stream, inserted, stop))
    image.save(target, "PNG", compress_level=compress_level)


def pillow_image(pixels: np.ndarray) -> Image.Image:
    """uint8 pixels (height, width, 1, 3 or 4) as Pillow has them: one channel without an axis."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


class _Stream:
    """Hands on what Pillow writes, with something inserted behind the header.

    Pillow itself drops chunks that it does not know. Once ``stop`` is set it raises Stopped, so
    that a large picture can be abandoned.
    """

    def __init__(self, stream: BinaryIO, inserted: bytes, stop: Event) -> None:
        self._stream = stream
        self._inserted = inserted
        self._stop = stop
        self._left = _HEADER

    def write(self, data: bytes) -> int:
        if self._stop.is_set():
            raise Stopped
        before, behind = data[: self._left], data[self._left :]
        self._left -= len(before)
        self._stream.write(before)
        if self._left == 0 and self._inserted:
            self._stream.write(self._inserted)
            self._inserted = b""
        self._stream.write(behind)
        return len(data)

    def flush(self) -> None:
        self._stream.flush()
