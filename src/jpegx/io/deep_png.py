"""PNG files of 16 bits a channel (ISO/IEC 15948), which Pillow cuts down to 8.

Rows are filtered in bands of many: what a filter takes from the left and from above lies on earlier
diagonals, so that a whole diagonal of a band is computed at once.
"""

import zlib
from collections.abc import Iterable, Iterator
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.io.png import Chunk, Stopped

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour types without a palette
_OPAQUE = 65535
_BAND = 256  # rows
_PIECE = 1 << 20  # bytes of compressed data in a chunk
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)


def encode_deep_png(
    stream: BinaryIO,
    pixels: np.ndarray,
    chunks: Iterable[Chunk],
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Encode uint16 pixels (height, width, 1 or 3) to a stream, with further chunks before them.

    Raises Stopped once ``stop`` is set.
    """
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2}[channels]
    header = b"".join(number.to_bytes(4, "big") for number in (width, height))
    stream.write(_SIGNATURE + Chunk(b"IHDR", header + bytes((16, kind, 0, 0, 0))).encode())
    for chunk in chunks:
        stream.write(chunk.encode())
    packer = zlib.compressobj(compress_level)
    above = np.zeros((1, width * channels * 2), np.uint8)
    waiting = b""
    for top in range(0, height, _BAND):
        if stop.is_set():
            raise Stopped
        rows = pixels[top : top + _BAND].astype(">u2").reshape(-1, width * channels)
        band = np.concatenate([above, rows.view(np.uint8)])
        waiting += packer.compress(_filtered(band, 2 * channels).tobytes())
        above = band[-1:]
        if len(waiting) > _PIECE:
            stream.write(Chunk(b"IDAT", waiting).encode())
            waiting = b""
    stream.write(Chunk(b"IDAT", waiting + packer.flush()).encode())
    stream.write(Chunk(b"IEND", b"").encode())


def _filtered(band: np.ndarray, step: int) -> np.ndarray:
    """The rows of a band but the first, uint8 (rows, 1 + bytes), by the filter that is least."""
    now, above = band[1:], band[:-1]
    left, corner = np.zeros_like(now), np.zeros_like(now)
    left[:, step:], corner[:, step:] = now[:, :-step], above[:, :-step]
    choices = np.stack([now - left, now - above, now - _paeth(left, above, corner)])
    sizes = np.abs(choices.view(np.int8).astype(np.int16)).sum(axis=2, dtype=np.int64)
    best = sizes.argmin(axis=0)
    found = np.empty((len(now), 1 + now.shape[1]), np.uint8)
    found[:, 0] = np.array([_SUB, _UP, _PAETH])[best]
    found[:, 1:] = choices[best, np.arange(len(now))]
    return found


def _paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    a, b, c = (values.astype(np.int16) for values in (left, above, corner))
    to_left, to_above, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    is_left = (to_left <= to_above) & (to_left <= to_corner)
    return np.where(is_left, left, np.where(to_above <= to_corner, above, corner))


def read_deep_png(stream: BinaryIO, name: str, size: tuple[int, int]) -> np.ndarray | None:
    """The pixels of a PNG file of 16 bits, uint16 (height, width, 1 or 3); None for all others.

    An opaque alpha channel is dropped. ``size``: (width, height) that it must have. Raises
    PictureMismatch for another size, transparent pixels or interlacing, UnreadablePicture for a
    damaged file: one line each, which begins with the name.
    """
    if stream.read(8) != _SIGNATURE:
        return None
    parts = _chunks(stream)
    try:
        kind, header = next(parts)
        if kind != b"IHDR" or len(header) != 13 or header[8] != 16:
            return None
        found = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
        if found != size:
            raise PictureMismatch(
                f"{name}: it has {found[0]}x{found[1]} pixels, the JPEG file {size[0]}x{size[1]}"
            )
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
        if (band[:, 0] > _PAETH).any():
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
        guess = np.where(kind == _SUB, left, np.where(kind == _UP, up, 0))
        if (kind >= _AVERAGE).any():
            mean = ((left.astype(np.uint16) + up) >> 1).astype(np.uint8)
            guess = np.where(kind == _AVERAGE, mean, guess)
            guess = np.where(kind == _PAETH, _paeth(left, up, corner), guess)
        full[y + 1, x + 1] = coded[y, x] + guess.astype(np.uint8)
    return full[1:, 1:].reshape(rows, -1)
