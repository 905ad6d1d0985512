"""Plain TIFF files of 8 or 16 bits a channel (TIFF 6.0): strips of deflate, with a predictor.

Those of 16 bits that this module wrote are read by it; Pillow cuts colour down to 8. Technical note
2 of 2002 (deflate), TIFF 6.0, section 14 (predictor).
"""

import zlib
from collections.abc import Mapping
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx.errors import JpegxError
from jpegx.io import tiff_fields as tiff
from jpegx.io.png import Stopped

_ROWS = 64  # of a strip
_DIFFERENCES = 2  # the predictor: each pixel less the one on its left


def write_strips(
    stream: BinaryIO,
    pixels: np.ndarray,
    carried: tiff.Carried,
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Write pixels, uint8 or uint16 (height, width, 1 or 3), to a stream that can be rewound.

    Raises JpegxError for more than 4 GiB, Stopped once ``stop`` is set.
    """
    height, width, channels = pixels.shape
    start = stream.tell()
    stream.write(b"II*\0" + bytes(4))
    offsets, counts = [], []
    for top in range(0, height, _ROWS):
        if stop.is_set():
            raise Stopped
        rows = pixels[top : top + _ROWS]
        rows = np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1]))
        little = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
        offsets.append(stream.tell() - start)
        counts.append(stream.write(zlib.compress(little.tobytes(), compress_level)))
        if offsets[-1] + counts[-1] >= tiff.MOST_BYTES - (1 << 20):
            raise JpegxError("the TIFF file would be larger than 4 GiB; write PNG")
    fields: list[tiff.Field | tiff.Directory] = [
        tiff.longs(256, [width]),
        tiff.longs(257, [height]),
        tiff.shorts(258, [8 * pixels.itemsize] * channels),
        tiff.shorts(259, [tiff.DEFLATE]),
        tiff.shorts(262, [tiff.GRAY if channels == 1 else tiff.RGB]),
        tiff.longs(273, offsets),
        tiff.shorts(277, [channels]),
        tiff.longs(278, [_ROWS]),
        tiff.longs(279, counts),
        tiff.shorts(284, [1]),
        tiff.shorts(317, [_DIFFERENCES]),
        tiff.shorts(339, [tiff.UNSIGNED] * channels),
        *tiff.carried_fields(carried),
    ]
    tiff.write_directory(stream, start, fields)


def read_deep_strips(stream: BinaryIO, name: str, size: tuple[int, int]) -> np.ndarray | None:
    """The pixels, uint16 (height, width, 1 or 3), that ``write_strips`` wrote; None for others.

    ``size``: (width, height) that it must have. Raises PictureMismatch for another size,
    UnreadablePicture for a damaged file: one line each, which begins with the name.
    """
    return tiff.read_own(
        stream,
        name,
        size,
        lambda fields: 273 in fields and set(fields.get(258, ())) == {16},
        lambda data, fields: _read(data, fields, size),
    )


def _read(data: bytes, fields: Mapping[int, tuple[int, ...]], size: tuple[int, int]) -> np.ndarray:
    (channels,), width, height = fields[277], *size
    if channels not in (1, 3) or fields[278] != (_ROWS,) or fields[259] != (tiff.DEFLATE,):
        raise ValueError("impossible fields")
    if len(fields[273]) != -(-height // _ROWS) or len(fields[273]) != len(fields[279]):
        raise ValueError("strips are missing")
    out = np.empty((height, width, channels), np.uint16)
    for number, (offset, count) in enumerate(zip(fields[273], fields[279], strict=True)):
        part = out[number * _ROWS : (number + 1) * _ROWS]
        inflated = zlib.decompressobj().decompress(data[offset : offset + count], part.nbytes + 1)
        if len(inflated) != part.nbytes:
            raise ValueError("a strip has the wrong size")
        differences = np.frombuffer(inflated, "<u2").reshape(part.shape)
        np.cumsum(differences, axis=1, dtype=np.uint16, out=part)
    return out
