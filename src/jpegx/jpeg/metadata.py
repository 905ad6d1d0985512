"""What travels beside the pixels: EXIF, ICC profile, XMP, density; read with Pillow."""

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jpegx.jpeg.reader import markers as m

if TYPE_CHECKING:
    from PIL.JpegImagePlugin import JpegImageFile

_IPTC_RESOURCE = 0x0404  # of Photoshop's image resources
_RESOLUTION, _RESOLUTION_DOWN, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128  # of EXIF
_INCHES, _CM = 2, 3
_INCH = 2.54  # cm

# What Pillow is given, and how much of it: its time grows with the square.
_KEPT = (
    b"JFIF\0",
    b"Exif\0",
    b"http://ns.adobe.com/xap/1.0/\0",
    b"ICC_PROFILE\0",
    b"Photoshop 3.0\0",
)
_MAX_SEGMENTS = 1024
_MAX_BYTES = 1 << 24
# A picture of one gray pixel: all that Pillow needs behind the metadata.
_FRAME = bytes.fromhex("ffc0 000b 08 0001 0001 01 01 11 00")
_SCAN = bytes.fromhex("ffda 0008 01 01 00 00 3f 00")


@dataclass(frozen=True)
class Metadata:
    """What travels beside the pixels, as raw bytes; None where the file has none.

    ``exif`` begins with "Exif", as in the file. ``dpi`` is (horizontal, vertical), both above 0.
    ``has_iptc`` tells that there is an IPTC record; it is not kept.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    has_iptc: bool = False


def read_metadata(data: bytes) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a JPEG file, and one line for each thing that had to be dropped.

    Never raises: a file that Pillow refuses has no metadata.
    """
    from PIL.JpegImagePlugin import JpegImageFile

    carrier, notes = _carrier(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with JpegImageFile(io.BytesIO(carrier)) as image:
                metadata, dropped = _collect(image)
        # Metadata comes from anywhere, and Pillow's parsers fail in many ways; none is fatal here.
        except Exception:
            return Metadata(), (*notes, "metadata cannot be read and was dropped")
    return metadata, (*notes, *dropped)


def _carrier(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A small JPEG file with the metadata before the first scan of a large one."""
    pieces = [b"\xff\xd8"]
    notes: tuple[str, ...] = ()
    position, left = 2, _MAX_BYTES
    while (marker := m.next_marker(data, position)) and marker.code not in (m.SOS, m.EOI):
        position = marker.position
        if marker.code in m.PARAMETERLESS:
            continue
        body = m.segment(data, position)
        if body is None:
            break
        position += 2 + len(body)
        if not (m.APP0 <= marker.code <= m.APP15 and body.startswith(_KEPT)):
            continue
        left -= len(body)
        if left < 0 or len(pieces) > _MAX_SEGMENTS:
            most = f"{_MAX_BYTES >> 20} MiB or {_MAX_SEGMENTS} segments"
            notes = (f"metadata beyond {most} was dropped",)
            break
        pieces.append(data[marker.position - 2 : position])
    return b"".join((*pieces, _FRAME, _SCAN)), notes


def _collect(image: "JpegImageFile") -> tuple[Metadata, tuple[str, ...]]:
    info, notes = image.info, []
    raw: dict[str, bytes | None] = {}
    for key, name in (("exif", "EXIF"), ("icc_profile", "ICC profile"), ("xmp", "XMP")):
        value = info.get(key)
        raw[key] = value if isinstance(value, bytes) and value else None
        if key in info and raw[key] is None:
            notes.append(f"{name} is broken and was dropped")
    exif = raw["exif"]
    if exif is not None and exif[6:8] not in (b"II", b"MM"):
        raw["exif"] = None
        notes.append("EXIF is broken and was dropped")
    if raw["icc_profile"] is not None and raw["icc_profile"][36:40] != b"acsp":
        raw["icc_profile"] = None
        notes.append("ICC profile is broken and was dropped")
    photoshop = info.get("photoshop")
    has_iptc = isinstance(photoshop, dict) and _IPTC_RESOURCE in photoshop
    across, down = info.get("jfif_density", (1, 1))
    if info.get("jfif_unit") == 0 and across != down and min(across, down) > 0:
        notes.append(f"that its pixels are not square ({across}:{down}) was dropped")
    return Metadata(**raw, dpi=_density(image), has_iptc=has_iptc), tuple(notes)


def _density(image: "JpegImageFile") -> tuple[float, float] | None:
    """That of JFIF, or else of EXIF; Pillow would make one up where neither has it."""
    try:
        given, unit = _jfif_density(image.info) or _exif_density(image.getexif())
        across, down = (float(value) * (_INCH if unit == _CM else 1) for value in given)
    # As above: an EXIF of nonsense must not cost the rest.
    except Exception:
        return None
    sensible = unit in (_INCHES, _CM) and all(math.isfinite(v) and v > 0 for v in (across, down))
    return (across, down) if sensible else None


def _jfif_density(info: dict[Any, Any]) -> tuple[tuple[Any, Any], int] | None:
    unit = {1: _INCHES, 2: _CM}.get(info.get("jfif_unit", 0))
    return (info["jfif_density"], unit) if unit else None


def _exif_density(tags: Mapping[int, Any]) -> tuple[tuple[Any, Any], int]:
    across = tags.get(_RESOLUTION, math.nan)
    return (across, tags.get(_RESOLUTION_DOWN, across)), tags.get(_RESOLUTION_UNIT, _INCHES)
