"""The marker syntax of a JPEG file (ITU-T T.81, B.1.1): finding markers and their segments."""

import re
from typing import NamedTuple

SOI, EOI, SOS, DNL, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDC, 0xDD, 0xFE
DQT, DHT, DAC, DHP, EXP = 0xDB, 0xC4, 0xCC, 0xDE, 0xDF
APP0, APP14, APP15 = 0xE0, 0xEE, 0xEF
TEM, RST0, RST7 = 0x01, 0xD0, 0xD7

PARAMETERLESS = frozenset((TEM, *range(RST0, RST7 + 1)))

_ANY_MARKER = re.compile(rb"\xff([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_RESERVED = re.compile(rb"\xff[\x02-\xbf]")


class Marker(NamedTuple):
    """A marker code and the offset of the first byte behind it."""

    code: int
    position: int


def next_marker(data: bytes, position: int) -> Marker | None:
    """The first marker at or behind ``position``, skipping anything else as libjpeg does."""
    found = _ANY_MARKER.search(data, position)
    return Marker(found.group(1)[0], found.end()) if found else None


def segment(data: bytes, position: int) -> bytes | None:
    """The parameters that follow a marker, without their length; None if they are cut off."""
    length = int.from_bytes(data[position : position + 2], "big")
    end = position + length
    if length < 2 or end > len(data):
        return None
    return data[position + 2 : end]


class ScanData(NamedTuple):
    """Where the entropy-coded data of a scan lies, and whether impossible markers are inside."""

    start: int
    stop: int
    reserved_markers: bool


def scan_data(data: bytes, start: int) -> ScanData:
    """The entropy-coded data that starts at ``start``: up to the next marker that can end it."""
    reserved = False
    position = start
    while found := _AFTER_SCAN.search(data, position):
        if found.group(1)[0] >= 0xC0:
            return ScanData(start, found.start(), reserved)
        reserved = True
        position = found.end()
    return ScanData(start, len(data), reserved)


def without_reserved_markers(scan: bytes) -> bytes:
    """The scan with markers that no decoder knows turned into TEM, which every decoder skips.

    libjpeg gives up the whole file on a reserved marker; on TEM it resumes at the next restart.
    """
    return _RESERVED.sub(b"\xff\x01", scan)
