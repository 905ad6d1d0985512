"""TIFF files that hold what lies beyond the edge of a picture, too, in the padding of their tiles.

TIFF 6.0 (Adobe 1992), sections 15 (tiles) and 21 (YCbCr), and technical note 2 of 2002 (deflate).
Tiles are rectangles of one size; those at the right and lower edge stick out over the picture, and
readers leave out what does. Only files that this module wrote are read by it: the padding of
others means nothing. Pillow neither writes down-sampled YCbCr nor shows padding.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx.errors import JpegxError
from jpegx.io import tiff_fields as tiff
from jpegx.io.png import Stopped

_SIDE = 256  # pixels of a tile, about


@dataclass(frozen=True)
class PaddedPicture:
    """A picture of planes that reach beyond its edge.

    ``planes``: one array (rows, columns) per component, uint8 or float32, the first at full
    resolution, the others reduced by ``reduction`` (across, down). ``size``: (width, height) of
    what is shown. ``space``: what the components are. ``unit``: (width, height), of which the
    planes have whole numbers at full resolution.
    """

    planes: tuple[np.ndarray, ...]
    size: tuple[int, int]
    space: str
    reduction: tuple[int, int]
    unit: tuple[int, int]


SPACES = {"gray": tiff.GRAY, "rgb": tiff.RGB, "ycbcr": tiff.YCBCR}
REDUCTIONS = frozenset({(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)})


def write_padded(
    stream: BinaryIO,
    picture: PaddedPicture,
    carried: tiff.Carried,
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Write a picture to a stream that can be rewound.

    Raises JpegxError for more than 4 GiB, Stopped once ``stop`` is set.
    """
    width, height = picture.size
    across, down = (_side(unit) for unit in picture.unit)
    counts, offsets = [], []
    start = stream.tell()
    stream.write(b"II*\0" + bytes(4))
    for top in range(0, height, down):
        for left in range(0, width, across):
            if stop.is_set():
                raise Stopped
            tile = zlib.compress(_tile(picture, top, left, down, across), compress_level)
            offsets.append(stream.tell() - start)
            counts.append(stream.write(tile))
            if offsets[-1] + counts[-1] >= tiff.MOST_BYTES - (1 << 20):
                raise JpegxError("the TIFF file would be larger than 4 GiB; decode it to PNG")
    fields: list[tiff.Field | tiff.Directory] = [*_fields(picture, (across, down))]
    fields += [tiff.longs(324, offsets), tiff.longs(325, counts), *tiff.carried_fields(carried)]
    tiff.write_directory(stream, start, fields)


def _side(unit: int) -> int:
    least = lcm(16, unit)
    return least * max(1, _SIDE // least)


def _tile(picture: PaddedPicture, top: int, left: int, down: int, across: int) -> bytes:
    parts = []
    for number, plane in enumerate(picture.planes):
        h, v = picture.reduction if number else (1, 1)
        part = plane[top // v : (top + down) // v, left // h : (left + across) // h]
        missing = [(0, down // v - part.shape[0]), (0, across // h - part.shape[1])]
        parts.append(np.pad(part, missing, "edge"))
    if picture.space != "ycbcr":
        return np.stack(parts, axis=-1).tobytes()
    h, v = picture.reduction
    luma = parts[0].reshape(down // v, v, across // h, h).transpose(0, 2, 1, 3)
    units = [luma.reshape(down // v, across // h, v * h), *(p[..., None] for p in parts[1:])]
    return np.concatenate(units, axis=-1).tobytes()


def _fields(picture: PaddedPicture, tile: tuple[int, int]) -> list[tiff.Field]:
    count = len(picture.planes)
    is_float = picture.planes[0].dtype == np.float32
    fields = [
        tiff.longs(256, [picture.size[0]]),
        tiff.longs(257, [picture.size[1]]),
        tiff.shorts(258, [32 if is_float else 8] * count),
        tiff.shorts(259, [tiff.DEFLATE]),
        tiff.shorts(262, [SPACES[picture.space]]),
        tiff.shorts(277, [count]),
        tiff.shorts(284, [1]),
        tiff.longs(322, [tile[0]]),
        tiff.longs(323, [tile[1]]),
        tiff.shorts(339, [tiff.FLOAT if is_float else tiff.UNSIGNED] * count),
    ]
    if picture.space == "ycbcr":
        fields += [
            tiff.ratios(529, [0.299, 0.587, 0.114]),
            tiff.shorts(530, picture.reduction),
            tiff.shorts(531, [1]),
            tiff.ratios(532, [0, 255, 128, 255, 128, 255]),
        ]
    return fields


def read_padded(stream: BinaryIO, name: str, size: tuple[int, int]) -> PaddedPicture | None:
    """The picture that ``write_padded`` wrote into a file; None for all other files.

    ``size``: (width, height) that it must have. ``unit`` of what is returned is that of the tiles.
    Raises PictureMismatch for another size, UnreadablePicture for a damaged file: one line each,
    which begins with the name.
    """
    return tiff.read_own(stream, name, size, lambda fields: 322 in fields, _read)


def _read(data: bytes, fields: Mapping[int, tuple[int, ...]]) -> PaddedPicture:
    (width,), (height,), (across,), (down,) = (fields[n] for n in (256, 257, 322, 323))
    space = {value: key for key, value in SPACES.items()}[fields[262][0]]
    count, (h, v) = fields[277][0], fields.get(530, (1, 1))
    kind = np.dtype("<f4" if fields[339][0] == tiff.FLOAT else "u1")
    if (h, v) not in REDUCTIONS or across % (16 * h) * (down % (16 * v)) or fields[259] != (8,):
        raise ValueError("impossible fields")
    if count != (1 if space == "gray" else 3) or not (0 < across <= _SIDE and 0 < down <= _SIDE):
        raise ValueError("impossible fields")
    rows, columns = -(-height // down), -(-width // across)
    if rows * columns != len(fields[324]) or len(fields[324]) != len(fields[325]):
        raise ValueError("tiles are missing")
    sizes = [(1, 1)] + [(h, v)] * (count - 1)
    planes = [np.empty((rows * down // b, columns * across // a), kind) for a, b in sizes]
    per_unit = h * v + 2 if space == "ycbcr" else count
    expected = across * down // (h * v) * per_unit * kind.itemsize
    for tile, (offset, size) in enumerate(zip(fields[324], fields[325], strict=True)):
        inflated = zlib.decompressobj().decompress(data[offset : offset + size], expected + 1)
        if len(inflated) != expected:
            raise ValueError("a tile has the wrong size")
        values = np.frombuffer(inflated, kind).reshape(down // v, across // h, per_unit)
        top, left = tile // columns * down, tile % columns * across
        if space == "ycbcr":
            luma = values[..., : h * v].reshape(down // v, across // h, v, h)
            parts = [luma.transpose(0, 2, 1, 3).reshape(down, across)]
            parts += [values[..., h * v], values[..., h * v + 1]]
        else:
            parts = [values[..., c] for c in range(count)]
        for plane, part, (a, b) in zip(planes, parts, sizes, strict=True):
            box = slice(top // b, (top + down) // b), slice(left // a, (left + across) // a)
            plane[box] = part
    return PaddedPicture(tuple(planes), (width, height), space, (h, v), (across, down))
