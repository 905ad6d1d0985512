"""XMP packets (ISO 16684-1, and Adobe's part 3 for JPEG) as the one packet that a PNG may hold."""

import re
from collections.abc import Sequence
from hashlib import md5
from typing import NamedTuple

from jpegx.jpeg.metadata.part import Part
from jpegx.jpeg.metadata.rdf import join_packets

HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_GUID, _FIXED = 32, 40  # bytes: of the digest; with the length of the whole and the place in it

_NAMED = re.compile(rb"HasExtendedXMP\W{1,4}([0-9A-Fa-f]{32})")
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def join_xmp(packets: Sequence[bytes], extensions: Sequence[bytes]) -> Part:
    """The XMP of a file as one packet in UTF-8.

    ``packets``: of segments of their own. ``extensions``: parts of a further one that is too long
    for a segment: its digest, its length, the place of the part, the data. One packet stays byte
    for byte what it is; further ones are joined to it, property by property: what two of them say
    is taken from the first.
    """
    notes: list[str] = []
    texts = []
    for packet in dict.fromkeys(packets):
        text = _utf8(packet)
        if text is None:
            notes.append("XMP is broken and was dropped: it is no text in UTF-8")
        elif text:
            texts.append(text)
    named = {digest.upper() for packet in packets for digest in _NAMED.findall(packet)}
    for extension in _extensions(extensions):
        text = _utf8(extension.data) if extension.whole else None
        if text is None or extension.digest.upper() not in named:
            why = "it is not whole" if text is None else "the XMP does not name it"
            notes.append(f"an extension of XMP was dropped: {why}")
        else:
            texts.append(text)
    if len(texts) < 2:
        return Part(texts[0] if texts else None, tuple(notes))
    joined = join_packets(texts)
    if joined is None:
        notes.append("XMP after the first packet cannot be joined to it and was dropped")
        joined = texts[0]
    return Part(joined, tuple(notes))


class _Extension(NamedTuple):
    digest: bytes
    data: bytes
    whole: bool


def _extensions(parts: Sequence[bytes]) -> list[_Extension]:
    """Each further packet, put together of its parts in whatever order they come."""
    found: dict[bytes, list[bytes]] = {}
    for part in parts:
        found.setdefault(part[:_GUID], []).append(part)
    extensions = []
    for digest, own in found.items():
        pieces = {p[_GUID + 4 : _FIXED]: p[_FIXED:] for p in own if len(p) >= _FIXED}
        data = b"".join(pieces[place] for place in sorted(pieces))
        whole = md5(data, usedforsecurity=False).hexdigest().upper().encode() == digest.upper()
        extensions.append(_Extension(digest, data, whole))
    return extensions


def _utf8(packet: bytes) -> bytes | None:
    """The packet in UTF-8, without zeros at its end; None if it is none that a PNG can hold."""
    encoding = next((name for mark, name in _MARKS if packet.startswith(mark)), "utf-8")
    try:
        text = packet.decode(encoding)
    except UnicodeDecodeError:
        return None
    text = text.rstrip("\0")
    if "\0" in text:
        return None
    # What is UTF-8 already stays as it is, mark and all.
    return text.encode() if encoding != "utf-8" else packet.rstrip(b"\0")
