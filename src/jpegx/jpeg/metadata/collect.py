"""What a JPEG file holds beside its picture, each segment read by itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from jpegx.jpeg.metadata import icc, photoshop, xmp
from jpegx.jpeg.metadata.exif import exif_density, exif_of, join_exif
from jpegx.jpeg.metadata.others import Segment, name_others
from jpegx.jpeg.reader import markers as m

# How much of it is read.
_MAX_SEGMENTS = 1 << 14
_MAX_BYTES = 1 << 26

_JFIF = b"JFIF\0"
_PER_INCH = {1: 1.0, 2: 2.54}


@dataclass(frozen=True)
class Metadata:
    """What a file holds beside its picture; None or empty where it has none.

    What travels into a PNG file: ``exif``, a TIFF structure; ``icc_profile``, one that fits the
    picture (a gray picture may have one for RGB); ``xmp``, one packet; ``photoshop``, image
    resources, of which one may be an IPTC record; ``comments``; ``dpi``, dots per inch (horizontal,
    vertical), above 0, or without a unit ``aspect``, their ratio. What does not is named in
    ``others``, one phrase each.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    photoshop: bytes | None = None
    comments: tuple[str, ...] = ()
    dpi: tuple[float, float] | None = None
    aspect: tuple[int, int] | None = None
    others: tuple[str, ...] = ()

    @property
    def has_iptc(self) -> bool:
        """Whether there is an IPTC record."""
        return self.photoshop is not None and photoshop.has_iptc(self.photoshop)


def read_metadata(data: bytes, *, gray: bool | None, end: int) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a JPEG file, and one line for each thing that is not kept.

    ``gray``: whether the picture is; None for one that no profile need fit. ``end``: where it ends.
    Never raises: what is broken costs only itself.
    """
    found: dict[str, list[bytes]] = {}
    others: list[Segment] = []
    notes: list[str] = []
    left = _MAX_BYTES
    for count, segment in enumerate(_segments(data)):
        left -= len(segment.body)
        if left < 0 or count == _MAX_SEGMENTS:
            most = f"{_MAX_BYTES >> 20} MiB or {_MAX_SEGMENTS} segments"
            notes.append(f"metadata beyond {most} was dropped")
            break
        kind, body = _kind_of(segment)
        if kind is None:
            others.append(segment)
        else:
            found.setdefault(kind, []).append(body)
    exif = join_exif(found.get("exif", ()))
    profile = icc.join_icc(found.get("icc", ()))
    fit = profile if gray is None else icc.fit_icc(profile.data, gray=gray)
    packet = xmp.join_xmp(found.get("xmp", ()), found.get("xmp extension", ()))
    resources = photoshop.join_resources(found.get("photoshop", ()))
    for part in (exif, profile, fit, packet, resources):
        notes += part.notes
    dpi, aspect = _density(found.get("jfif", []), exif.data)
    named = name_others(others, packet.data, data[end:])
    if named:
        notes.append(f"not kept: {', '.join(named)}")
    metadata = Metadata(
        exif=exif.data,
        icc_profile=fit.data,
        xmp=packet.data,
        photoshop=resources.data,
        comments=tuple(filter(None, map(_text, found.get("comment", ())))),
        dpi=dpi,
        aspect=aspect,
        others=named,
    )
    return metadata, tuple(dict.fromkeys(notes))


def _segments(data: bytes) -> Iterator[Segment]:
    """Application segments and comments before the first scan."""
    position = 2
    while (marker := m.next_marker(data, position)) and marker.code not in (m.SOS, m.EOI):
        position = marker.position
        if marker.code in m.PARAMETERLESS:
            continue
        body = m.segment(data, position)
        if body is None:
            return
        position += 2 + len(body)
        if m.APP0 <= marker.code <= m.APP15 or marker.code == m.COM:
            yield Segment(marker.code, body)


def _kind_of(segment: Segment) -> tuple[str | None, bytes]:
    """What a segment is a part of, and the part."""
    code, body = segment
    if code == m.COM:
        return "comment", body
    if code == m.APP0 and body.startswith(_JFIF):
        return "jfif", body
    if code == m.APP0 + 1:
        if body.startswith(xmp.HEADER):
            return "xmp", body[len(xmp.HEADER) :]
        if body.startswith(xmp.EXTENSION_HEADER):
            return "xmp extension", body[len(xmp.EXTENSION_HEADER) :]
        exif = exif_of(body)
        if exif is not None:
            return "exif", exif
    if code == m.APP0 + 2 and body.startswith(icc.HEADER):
        return "icc", body[len(icc.HEADER) :]
    if code == m.APP0 + 13 and body.startswith(photoshop.HEADER):
        return "photoshop", body[len(photoshop.HEADER) :]
    return None, body


def _density(
    headers: list[bytes], exif: bytes | None
) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """Dots per inch of JFIF, or else of EXIF; or what JFIF tells without a unit, if not square."""
    for header in headers[:1]:
        if len(header) < 12:
            break
        across, down = (int.from_bytes(header[i : i + 2], "big") for i in (8, 10))
        if not across or not down:
            break
        if header[7] in _PER_INCH:
            return (across * _PER_INCH[header[7]], down * _PER_INCH[header[7]]), None
        if header[7] == 0 and across != down:
            return None, (across, down)
    return (None if exif is None else exif_density(exif)), None


def _text(comment: bytes) -> str:
    """A comment as text: UTF-8 where it is, else Latin-1; without the zeros at its end."""
    comment = comment.rstrip(b"\0")
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")
