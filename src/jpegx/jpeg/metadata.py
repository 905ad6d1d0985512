"""What travels beside the pixels: EXIF, ICC profile, XMP, density; read with Pillow."""

import io
import math
import warnings
from dataclasses import dataclass
from typing import Any

_IPTC_RESOURCE = 0x0404  # of Photoshop's image resources


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

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Not Image.open: only headers are read here, so its limit on pixels has no meaning.
            with JpegImageFile(io.BytesIO(data)) as image:
                return _collect(image.info)
        # Metadata comes from anywhere, and Pillow's parsers fail in many ways; none is fatal here.
        except Exception:
            return Metadata(), ("metadata cannot be read and was dropped",)


def _collect(info: dict[Any, Any]) -> tuple[Metadata, tuple[str, ...]]:
    notes = []
    raw: dict[str, bytes | None] = {}
    for key, name in (("exif", "EXIF"), ("icc_profile", "ICC profile"), ("xmp", "XMP")):
        value = info.get(key)
        raw[key] = value if isinstance(value, bytes) and value else None
        if value and raw[key] is None:
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
    return Metadata(**raw, dpi=_density(info.get("dpi")), has_iptc=has_iptc), tuple(notes)


def _density(dpi: object) -> tuple[float, float] | None:
    try:
        # Whatever Pillow found: what cannot be iterated is a TypeError.
        across, down = (float(value) for value in dpi)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    sensible = all(math.isfinite(value) and value > 0 for value in (across, down))
    return (across, down) if sensible else None
