"""The fields of a TIFF file (TIFF 6.0, Adobe 1992), as this package writes and reads them."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

from jpegx.errors import UnreadablePicture, other_size

GRAY, RGB, YCBCR = 1, 2, 6
UNSIGNED, FLOAT = 1, 3
DEFLATE = 8
MOST_BYTES = 1 << 32
_MAKER = b"jpegx "
_MOST_NUMBERS = 1 << 17  # in a field: more than any picture has tiles or strips

Fields = Mapping[int, tuple[int, ...]]
P = TypeVar("P")

# Types of fields: bytes, text, 16 and 32 bits, ratios.
BYTE, TEXT, SHORT, LONG, RATIO, UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {BYTE: 1, TEXT: 1, SHORT: 2, LONG: 4, RATIO: 8, UNDEFINED: 1}


class Field(NamedTuple):
    """One entry of a directory."""

    number: int
    kind: int
    amount: int
    data: bytes


class Directory(NamedTuple):
    """An entry that points to a directory of its own."""

    number: int
    fields: "list[Field | Directory]"


def shorts(number: int, values: Sequence[int]) -> Field:
    """A field of 16-bit numbers."""
    return Field(number, SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(number: int, values: Sequence[int]) -> Field:
    """A field of 32-bit numbers."""
    return Field(number, LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def ratios(number: int, values: Sequence[float]) -> Field:
    """A field of numbers, to a thousandth."""
    pairs = [n for value in values for n in (min(round(value * 1000), 2**32 - 1), 1000)]
    return Field(number, RATIO, len(values), struct.pack(f"<{len(pairs)}I", *pairs))


def text(number: int, value: str) -> Field:
    """A field of text."""
    data = value.encode("ascii", "replace") + b"\0"
    return Field(number, TEXT, len(data), data)


def raw(number: int, kind: int, data: bytes) -> Field:
    """A field of bytes."""
    return Field(number, kind, len(data), data)


class Carried(NamedTuple):
    """What a file says of its picture: "Software" and "Description", and metadata, if there is."""

    text: Mapping[str, str]
    profile: bytes | None
    xmp: bytes | None
    photoshop: bytes | None
    dpi: tuple[float, float] | None
    more: "Sequence[Field | Directory]" = ()


def carried_fields(carried: Carried) -> "Iterator[Field | Directory]":
    """The fields of what is carried."""
    yield text(270, carried.text["Description"])
    yield text(305, carried.text["Software"])
    if carried.dpi is not None:
        yield ratios(282, [carried.dpi[0]])
        yield ratios(283, [carried.dpi[1]])
        yield shorts(296, [2])
    blocks = ((700, BYTE, carried.xmp), (34377, BYTE, carried.photoshop))
    for number, kind, data in (*blocks, (34675, UNDEFINED, carried.profile)):
        if data is not None:
            yield raw(number, kind, data)
    yield from carried.more


def write_directory(stream: BinaryIO, start: int, fields: "Sequence[Field | Directory]") -> None:
    """Writes what the fields refer to, the directory, and where it is, of a file from ``start``."""
    place = _write_fields(stream, start, fields)
    end = stream.tell()
    stream.seek(start + 4)
    stream.write(struct.pack("<I", place))
    stream.seek(end)


def _write_fields(stream: BinaryIO, start: int, fields: "Sequence[Field | Directory]") -> int:
    """Writes what the fields refer to, and the directory; where the latter is."""
    entries = []
    for entry in sorted(fields, key=lambda entry: entry.number):
        if isinstance(entry, Directory):
            field = longs(entry.number, [_write_fields(stream, start, entry.fields)])
        else:
            field = entry
        data = field.data
        if len(data) > 4:
            stream.write(bytes((stream.tell() - start) % 2))
            place = stream.tell() - start
            stream.write(data)
            data = struct.pack("<I", place)
        entries.append(
            struct.pack("<HHI", field.number, field.kind, field.amount) + data.ljust(4, b"\0")
        )
    stream.write(bytes((stream.tell() - start) % 2))
    place = stream.tell() - start
    stream.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    return place


def read_own(
    stream: BinaryIO,
    name: str,
    size: tuple[int, int],
    suits: Callable[[Fields], bool],
    read: Callable[[bytes, Fields], P],
) -> P | None:
    """What ``read`` makes of a file that jpegx wrote and whose fields suit; None for all others.

    ``size``: (width, height) that it must have. Raises PictureMismatch for another size,
    UnreadablePicture for a damaged file: one line each, which begins with the name.
    """
    if stream.read(4) != b"II*\0":
        return None
    data = b"II*\0" + stream.read()
    fields = _own_fields(data)
    if fields is None or not suits(fields):
        return None
    try:
        found = fields[256][0], fields[257][0]
        if found != size:
            raise other_size(name, found, size)
        return read(data, fields)
    except (struct.error, IndexError, KeyError, ValueError, zlib.error) as error:
        reason = str(error).partition("\n")[0]
        raise UnreadablePicture(
            f"{name}: the picture is damaged ({reason}); get an undamaged copy"
        ) from None


def _own_fields(data: bytes) -> dict[int, tuple[int, ...]] | None:
    """The numbers and texts of a file's first directory; None if jpegx did not write the file.

    Of a text the first bytes only.
    """
    try:
        fields = _fields(data)
    except (struct.error, IndexError, KeyError):
        return None
    return fields if bytes(fields.get(305, ())) == _MAKER else None


def _fields(data: bytes) -> dict[int, tuple[int, ...]]:
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    fields: dict[int, tuple[int, ...]] = {}
    # Fields of ours have bytes of their own; others could share them a million times.
    left = len(data)
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        number, kind, amount = struct.unpack_from("<HHI", data, entry)
        size = _SIZES[kind] * amount
        at = entry + 8 if size <= 4 else struct.unpack_from("<I", data, entry + 8)[0]
        left -= size
        if at + size > len(data) or left < 0:
            raise IndexError("a field is cut off")
        if kind in (SHORT, LONG) and amount <= _MOST_NUMBERS:
            letter = "H" if kind == SHORT else "I"
            fields[number] = struct.unpack_from(f"<{amount}{letter}", data, at)
        elif kind == TEXT:
            fields[number] = tuple(data[at : at + min(size, len(_MAKER))])
    return fields
