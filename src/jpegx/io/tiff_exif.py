"""EXIF (CIPA DC-008), itself a TIFF structure, as fields of another TIFF file.

What points to places in the structure is written anew, in little endian. Notes of a camera's maker
travel as they are; where these point to places of their own, as some do, that is lost.
"""

import struct
from collections.abc import Container, Iterator

from jpegx.io.tiff_fields import Directory, Field

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
# Bytes of a value by its type, and of the parts whose order counts: ratios are of two.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_PARTS = {**_SIZES, 5: 4, 10: 4}
_DIRECTORIES = {34665, 34853, 40965}  # EXIF, GPS, interoperability
# Of the first directory what tells of the photograph, not of how its pixels are stored: maker,
# model, orientation, date, artist, copyright, rating, and what Windows calls title to subject.
_TOLD = {271, 272, 274, 306, 315, 33432, 18246, 18249, *range(40091, 40096)}
_DEEPEST = 3
_MOST = 4096  # entries of a directory


def exif_fields(exif: bytes) -> list[Field | Directory]:
    """The fields for a TIFF file that tell what an EXIF structure tells; what is broken is not.

    All of them together have no more bytes than the structure: entries that share bytes are dropped
    when these are used up.
    """
    order = _ORDERS.get(exif[:4])
    if order is None or len(exif) < 8:
        return []
    first = struct.unpack_from(order + "I", exif, 4)[0]
    return list(_Structure(exif, order).entries(first, _DEEPEST, _TOLD | _DIRECTORIES))


class _Structure:
    """An EXIF structure; ``left``: so many bytes of its entries may still be told."""

    def __init__(self, exif: bytes, order: str) -> None:
        self.exif = exif
        self.order = order
        self.left = len(exif)

    def entries(
        self, place: int, depth: int, wanted: Container[int] | None = None
    ) -> Iterator[Field | Directory]:
        """The entries of the directory at a place; ``wanted``: their numbers, None for all."""
        exif, order = self.exif, self.order
        if place + 2 > len(exif) or not depth:
            return
        seen = set()
        count = min(struct.unpack_from(order + "H", exif, place)[0], _MOST)
        for at in range(place + 2, min(place + 2 + 12 * count, len(exif) - 11), 12):
            number, kind, amount = struct.unpack_from(order + "HHI", exif, at)
            if number in seen or kind not in _SIZES or amount > len(exif):
                continue
            seen.add(number)
            size = _SIZES[kind] * amount
            start = at + 8 if size <= 4 else struct.unpack_from(order + "I", exif, at + 8)[0]
            if start + size > len(exif) or not 0 < size <= self.left:
                continue
            if wanted is not None and number not in wanted:
                continue
            self.left -= size
            data = exif[start : start + size]
            if number not in _DIRECTORIES:
                data = _little(data, _PARTS[kind]) if order == ">" else data
                yield Field(number, kind, amount, data)
            elif size == 4:
                target = struct.unpack(order + "I", data)[0]
                fields = list(self.entries(target, depth - 1))
                if fields:
                    yield Directory(number, fields)


def _little(data: bytes, part: int) -> bytes:
    """Numbers of so many bytes each, turned round."""
    return b"".join(data[i : i + part][::-1] for i in range(0, len(data), part))
