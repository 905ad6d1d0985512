"""Reading PNG files of 16 bits a channel (ISO/IEC 15948), which Pillow cuts down to 8.

Filters of rows are undone in bands of many: what a filter takes from the left and from above lies
on earlier diagonals, so that a whole diagonal of a band is computed at once.
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from jpegx.errors import PictureMismatch, UnreadablePicture, other_size
from jpegx.io.png import AVERAGE, PAETH, SIGNATURE, SUB, UP, paeth

_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour types without a palette
_OPAQUE = 65535
_BAND = 256  # rows


def read_deep_png(stream: BinaryIO, name: str, size: tuple[int, int]) -> np.ndarray | None:
    """The pixels of a PNG file of 16 bits, uint16 (height, width, 1 or 3); None for all others.

    An opaque alpha channel is dropped. ``size``: (width, height) that it must have. Raises
    PictureMismatch for another size, transparent pixels or interlacing, UnreadablePicture for a
    damaged file: one line each, which begins with the name.
    """
    if stream.read(8) != SIGNATURE:
        return None
    parts = _chunks(stream)
    try:
        kind, header = next(parts)
        if kind != b"IHDR" or len(header) != 13 or header[8] != 16:
            return None
        found = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
        if found != size:
            raise other_size(name, found, size)
        if header[12]:
            raise PictureMismatch(f"{name}: interlaced, of 16 bits; save it without interlacing")
        pixels = _pixels(parts, size, _CHANNELS[header[9]], name)
    except (StopIteration, KeyError, ValueError, zlib.error) as error:
        reason = str(error).partition("\n")[0] or "it is cut off"
        raise UnreadablePicture(
            f"{name}: the picture is damaged ({reason}); get an undamaged copy"
        ) from None
    if pixels.shape[2] in (2, 4):
        if (pixels[..., -1] != _OPAQUE).any():
            raise PictureMismatch(f"{name}: it has transparent pixels; save it without alpha")
        pixels = pixels[..., :-1]
    return np.ascontiguousarray(pixels)


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(begin := stream.read(8)) == 8:
        length, kind = int.from_bytes(begin[:4], "big"), begin[4:]
        data, check = stream.read(length), stream.read(4)
        if len(data) < length or int.from_bytes(check, "big") != zlib.crc32(kind + data):
            raise ValueError(f"the chunk {kind.decode('latin-1')} is broken")
        yield kind, data


def _pixels(
    parts: Iterator[tuple[bytes, bytes]], size: tuple[int, int], channels: int, name: str
) -> np.ndarray:
    width, height = size
    row = 1 + 2 * channels * width
    unpacker = zlib.decompressobj()
    data = bytearray()
    for kind, body in parts:
        if kind == b"tRNS":
            raise PictureMismatch(f"{name}: it has transparent pixels; save it without alpha")
        if kind == b"IDAT":
            data += unpacker.decompress(body, height * row + 1 - len(data))
        if kind == b"IEND" or len(data) > height * row:
            break
    if len(data) != height * row:
        raise ValueError("its pixels are cut off, or too many")
    lines = np.frombuffer(data, np.uint8).reshape(height, row)
    step = 2 * channels
    out = np.empty((height, row - 1), np.uint8)
    above = np.zeros(row - 1, np.uint8)
    for top in range(0, height, _BAND):
        band = lines[top : top + _BAND]
        if (band[:, 0] > PAETH).any():
            raise ValueError("an unknown filter")
        out[top : top + _BAND] = _unfiltered(band[:, 1:], band[:, 0], above, step)
        above = out[min(top + _BAND, height) - 1]
    return out.view(">u2").astype(np.uint16).reshape(height, width, channels)


def _unfiltered(lines: np.ndarray, filters: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """The bytes (rows, bytes) of rows that were filtered each by its own of ``filters``."""
    rows, width = len(lines), lines.shape[1] // step
    # One more row above and one more pixel on the left.
    full = np.zeros((rows + 1, width + 1, step), np.uint8)
    full[0, 1:] = above.reshape(width, step)
    coded = lines.reshape(rows, width, step)
    for diagonal in range(rows + width - 1):
        y = np.arange(max(0, diagonal - width + 1), min(rows - 1, diagonal) + 1)
        x = diagonal - y
        left, up, corner = full[y + 1, x], full[y, x + 1], full[y, x]
        kind = filters[y][:, None]
        guess = np.where(kind == SUB, left, np.where(kind == UP, up, 0))
        if (kind >= AVERAGE).any():
            mean = ((left.astype(np.uint16) + up) >> 1).astype(np.uint8)
            guess = np.where(kind == AVERAGE, mean, guess)
            guess = np.where(kind == PAETH, paeth(left, up, corner), guess)
        full[y + 1, x + 1] = coded[y, x] + guess.astype(np.uint8)
    return full[1:, 1:].reshape(rows, -1)
