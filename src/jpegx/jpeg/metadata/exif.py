"""EXIF (CIPA DC-008, a TIFF structure) from the APP1 segments of a JPEG file."""

import re
import struct
from collections.abc import Sequence
from math import isfinite

from jpegx.jpeg.metadata.part import Part

# As ExifTool finds it: the byte behind the zero may be any, and some writers put bytes before.
_HEADER = re.compile(rb"(?is).{0,4}Exif\0.")
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_RESOLUTION, _RESOLUTION_DOWN, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_SHORT, _RATIONAL = 3, 5
_PER_INCH = {2: 1.0, 3: 2.54}
_ENTRY = 12  # bytes


def exif_of(segment: bytes) -> bytes | None:
    """What an APP1 segment holds of EXIF: what follows its header; None if it is none."""
    found = _HEADER.match(segment)
    return segment[found.end() :] if found else None


def join_exif(parts: Sequence[bytes]) -> Part:
    """The EXIF of a file, a TIFF structure from its byte order on, of the parts in its segments.

    What is too long for a segment goes on in the next: a part that begins no TIFF structure of its
    own belongs to the one before. Of several structures the first that is whole counts.
    """
    blocks: list[list[bytes]] = []
    broken = 0
    for part in parts:
        if part[:4] in _TIFF:
            blocks.append([part])
        elif blocks:
            blocks[-1].append(part)
        else:
            broken += 1
    structures = [b"".join(block) for block in blocks]
    readable = [s for s in dict.fromkeys(structures) if _entries(s) is not None]
    notes = []
    if broken or any(_entries(s) is None for s in structures):
        what = "EXIF" if not readable else "a segment of EXIF"
        notes.append(f"{what} is broken and was dropped")
    if len(readable) > 1:
        notes.append("there is more than one EXIF block: the first was kept, others dropped")
    return Part(readable[0] if readable else None, tuple(notes))


def exif_density(exif: bytes) -> tuple[float, float] | None:
    """The resolution of the picture in dots per inch (horizontal, vertical); None if not told."""
    entries = _entries(exif)
    if entries is None:
        return None
    order = _TIFF[exif[:4]]
    across = _rational(exif, entries.get(_RESOLUTION), order)
    down = _rational(exif, entries.get(_RESOLUTION_DOWN), order) or across
    unit = entries.get(_RESOLUTION_UNIT)
    number = 2
    if unit is not None and _is(unit, _SHORT, order):
        number = struct.unpack_from(order + "H", unit, 8)[0]
    if across is None or down is None or number not in _PER_INCH:
        return None
    return across * _PER_INCH[number], down * _PER_INCH[number]


def _entries(exif: bytes) -> dict[int, bytes] | None:
    """The first directory: entries of 12 bytes by their tag; None if there is none to read."""
    if len(exif) < 10 or exif[:4] not in _TIFF:
        return None
    order = _TIFF[exif[:4]]
    start: int = struct.unpack_from(order + "I", exif, 4)[0]
    if not 8 <= start <= len(exif) - 2:
        return None
    told: int = struct.unpack_from(order + "H", exif, start)[0]
    count = min(told, (len(exif) - start - 2) // _ENTRY)
    found: dict[int, bytes] = {}
    for place in range(start + 2, start + 2 + count * _ENTRY, _ENTRY):
        entry = exif[place : place + _ENTRY]
        found.setdefault(struct.unpack_from(order + "H", entry)[0], entry)
    return found if found or not told else None


def _is(entry: bytes | None, kind: int, order: str) -> bool:
    return entry is not None and struct.unpack_from(order + "HI", entry, 2) == (kind, 1)


def _rational(exif: bytes, entry: bytes | None, order: str) -> float | None:
    if entry is None or not _is(entry, _RATIONAL, order):
        return None
    place: int = struct.unpack_from(order + "I", entry, 8)[0]
    if place > len(exif) - 8:
        return None
    above, below = struct.unpack_from(order + "II", exif, place)
    value = above / below if below else 0.0
    return value if value > 0 and isfinite(value) else None
