"""What a JPEG file holds besides the picture and the metadata that travel: only told, not kept."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from jpegx.jpeg.reader import markers as m

# Of no use without the file: how it was encoded, thumbnails of the JFIF header.
_OF_THE_FILE = (b"JFIF\0", b"JFXX\0", b"Adobe", b"Ducky")
_NAMES = (
    (b"MPF\0", "an index of further pictures (MPF)"),
    (b"urn:iso:std:iso:ts:21496:-1\0", "a gain map (HDR)"),
    (b"FLIR\0", "thermal data (FLIR)"),
    (b"FPXR\0", "FlashPix data"),
    (b"Meta\0", "Kodak's own data"),
    (b"META\0", "Kodak's own data"),
)
_GAIN_MAP = re.compile(rb"ns\.adobe\.com/hdr-gain-map|apple\.com/HDRGainMap|aux:hdrgainmap")
_SOI = re.compile(rb"\xff\xd8\xff")
_MOST = 1000  # pictures that are counted
_VIDEO = b"ftyp"


class Segment(NamedTuple):
    """One marker segment before the first scan: the code of its marker, and its body."""

    code: int
    body: bytes


def name_others(segments: Sequence[Segment], xmp: bytes | None, behind: bytes) -> tuple[str, ...]:
    """In words what application segments hold that are none of those that travel, and the rest.

    ``xmp``: the packet, which may tell of a gain map. ``behind``: the bytes behind the picture.
    """
    names: dict[str, None] = {}
    for code, body in segments:
        if not body.startswith(_OF_THE_FILE) and body.strip(b"\0"):
            names[_name(code, body)] = None
    if _GAIN_MAP.search(xmp or b"") or _GAIN_MAP.search(behind):
        names["a gain map (HDR)"] = None
    return (*names, *_behind(behind))


def _name(code: int, body: bytes) -> str:
    if code == m.APP0 + 11 and body[:2] == b"JP":
        return "a C2PA manifest" if b"c2pa" in body[:4096] else "JUMBF boxes"
    for start, name in _NAMES:
        if body.startswith(start):
            return name
    word = re.match(rb"[ -~]{0,24}", body)
    called = word.group().decode().strip() if word else ""
    return f"APP{code - m.APP0} {called}" if called else f"APP{code - m.APP0}"


def _behind(data: bytes) -> tuple[str, ...]:
    """Pictures behind the first (further frames, previews, gain maps), and other data."""
    pictures = other = place = 0
    while pictures < _MOST and (found := _SOI.search(data, place)):
        other += len(data[place : found.start()].strip(b"\0\r\n"))
        pictures += 1
        place = _end_of_picture(data, found.start())
    rest = data[place:]
    other += len(rest.strip(b"\0\r\n"))
    named = []
    if pictures:
        more = " or more" if pictures == _MOST else ""
        named.append(f"{pictures}{more} further pictures" if pictures > 1 else "a further picture")
    if _VIDEO in rest[4:12]:
        named.append("a video")
    elif other:
        named.append(f"{other:,} bytes behind the picture")
    return tuple(named)


def _end_of_picture(data: bytes, start: int) -> int:
    """Where the JPEG picture that begins at ``start`` ends; the end of the data if it is cut."""
    place = start + 2
    while marker := m.next_marker(data, place):
        place = marker.position
        if marker.code == m.EOI:
            return place
        if marker.code in m.PARAMETERLESS:
            continue
        if marker.code == m.SOI:  # another begins where this one breaks off
            return place - 2
        length = int.from_bytes(data[place : place + 2], "big")
        place += max(length, 2)
        if marker.code == m.SOS:
            place = m.scan_data(data, min(place, len(data))).stop
    return len(data)
