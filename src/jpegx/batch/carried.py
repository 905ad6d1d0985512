"""The metadata of a JPEG file as chunks of a PNG file, where its readers look for them."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from jpegx.io.formats import CONTAINERS, Container
from jpegx.io.png import Chunk
from jpegx.jpeg.metadata.collect import Metadata

_METRE = 0.0254  # of an inch
_PER_METRE, _NO_UNIT = b"\1", b"\0"
_LARGEST = 2**31 - 1
_LINE = 36  # bytes in a line of a raw profile


def carried_chunks(metadata: Metadata, text: Mapping[str, str]) -> Iterator[Chunk]:
    """Chunks for the metadata that travels, and for ``text`` under its keywords.

    ICC profile, EXIF, density (pHYs), comments, XMP as the PNG specification and Adobe's say; image
    resources with IPTC as a "Raw profile type iptc", which ImageMagick and ExifTool write and read.
    """
    if metadata.icc_profile is not None:
        yield Chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile))
    if metadata.exif is not None:
        yield Chunk(b"eXIf", metadata.exif)
    yield from _density(metadata)
    if metadata.xmp is not None:
        # Keyword, not compressed, no language: the XMP packet itself stays untouched.
        yield Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    if metadata.photoshop is not None:
        yield Chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(_raw(metadata.photoshop)))
    for comment in metadata.comments:
        yield _text("Comment", comment)
    for key, value in text.items():
        yield _text(key, value)


def of_a_measurement(metadata: Metadata) -> Metadata:
    """What still holds for a measurement of the picture: a profile or a caption would not."""
    return replace(metadata, icc_profile=None, xmp=None, photoshop=None, comments=())


def lost_metadata(metadata: Metadata, container: Container) -> str | None:
    """What of the metadata files of a kind have no place for, as a sentence; None if nothing."""
    found: list[tuple[str, bytes | None]] = []
    if container in ("webp", "jxl"):
        found.append(("IPTC" if metadata.has_iptc else "image resources", metadata.photoshop))
    comments = "\n".join(metadata.comments).encode() or None
    found += [("the comment", comments)] if container != "png" else []
    names = [name for name, data in found if data is not None]
    if not names:
        return None
    verb = "is" if len(names) == 1 and names[0] != "image resources" else "are"
    return f"{' and '.join(names)} {verb} not kept in {CONTAINERS[container].name}"


def _density(metadata: Metadata) -> Iterator[Chunk]:
    if metadata.dpi is not None:
        pair = [round(value / _METRE) for value in metadata.dpi]
        unit = _PER_METRE
    elif metadata.aspect is not None:
        pair, unit = list(metadata.aspect), _NO_UNIT
    else:
        return
    if all(0 < value <= _LARGEST for value in pair):
        yield Chunk(b"pHYs", b"".join(value.to_bytes(4, "big") for value in pair) + unit)


def _text(key: str, value: str) -> Chunk:
    """Latin-1 as tEXt, other text as iTXt; zeros, which neither may hold, become blanks."""
    value = value.replace("\0", " ").replace("\r\n", "\n").replace("\r", "\n")
    try:
        return Chunk(b"tEXt", key.encode() + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return Chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + value.encode("utf-8", "replace"))


def _raw(data: bytes) -> bytes:
    """ImageMagick's form of a profile in a text: its kind, its length, its bytes in hex."""
    lines = (data[place : place + _LINE].hex() for place in range(0, len(data), _LINE))
    return "\n".join(("", "iptc", f"{len(data):>8}", *lines, "")).encode()
