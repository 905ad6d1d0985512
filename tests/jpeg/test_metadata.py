"""Metadata, segment by segment: each kind in all the forms that writers give it."""

import struct
from hashlib import md5
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from jpeg_writer import segment
from jpegx.jpeg.metadata.collect import Metadata, read_metadata
from jpegx.jpeg.metadata.icc import profile_name

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def read(*segments: bytes, gray: bool | None = False, behind: bytes = b"") -> Metadata:
    return notes_and_all(*segments, gray=gray, behind=behind)[0]


def notes_and_all(
    *segments: bytes, gray: bool | None = False, behind: bytes = b""
) -> tuple[Metadata, tuple[str, ...]]:
    """What is read of a file with these segments before its scan."""
    data = b"\xff\xd8" + b"".join(segments) + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\xff\xd9"
    return read_metadata(data + behind, gray=gray, end=len(data))


def tiff(order: str = "<", dpi: tuple[int, int] | None = None, unit: int = 2) -> bytes:
    """A TIFF structure with an orientation, and a density where one is given."""
    entries = [(0x0112, 3, struct.pack(order + "HH", 6, 0))]
    tail = b""
    if dpi is not None:
        start = 8 + 2 + 4 * 12 + 4
        tail = struct.pack(order + "IIII", dpi[0], 1, dpi[1], 1)
        entries += [
            (0x011A, 5, struct.pack(order + "I", start)),
            (0x011B, 5, struct.pack(order + "I", start + 8)),
            (0x0128, 3, struct.pack(order + "HH", unit, 0)),
        ]
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    body = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        body += struct.pack(order + "HHI", tag, kind, 1) + value
    return head + body + bytes(4) + tail


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("header", [EXIF, b"Exif\0\xff", b"\0Exif\0\0", b"exif\0 "])
def test_exif_in_all_dresses(order: str, header: bytes) -> None:
    metadata, notes = notes_and_all(segment(0xE1, header + tiff(order)))
    assert (metadata.exif, notes) == (tiff(order), ())


def test_exif_in_several_segments() -> None:
    whole = tiff() + bytes(range(256)) * 600
    parts = [segment(0xE1, EXIF + whole[i : i + 65000]) for i in range(0, len(whole), 65000)]
    assert len(parts) == 3
    metadata, notes = notes_and_all(*parts)
    assert (metadata.exif, notes) == (whole, ())


def test_exif_more_than_once() -> None:
    one, other = segment(0xE1, EXIF + tiff()), segment(0xE1, EXIF + tiff(">"))
    assert notes_and_all(one, one) == (Metadata(exif=tiff()), ())
    metadata, notes = notes_and_all(one, other)
    assert metadata.exif == tiff()
    assert len(notes) == 1
    assert "more than one EXIF" in notes[0]
    metadata, notes = notes_and_all(segment(0xE1, EXIF + b"II*\0\xff\xff\xff\xff"), other)
    assert metadata.exif == tiff(">")
    assert notes == ("a segment of EXIF is broken and was dropped",)


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"II*\0", b"II*\0\x08\0\0\0\5\0", b"MM\0*"])
def test_broken_exif_is_named(broken: bytes) -> None:
    metadata, notes = notes_and_all(segment(0xE1, EXIF + broken))
    assert metadata.exif is None
    assert notes == ("EXIF is broken and was dropped",)


@pytest.mark.parametrize("shuffled", [(0, 1, 2), (2, 0, 1), (1, 2, 0, 1), (0, 1, 2, 0, 1, 2)])
@pytest.mark.parametrize("first", [0, 1])
def test_icc_in_any_order_and_twice(shuffled: tuple[int, ...], first: int) -> None:
    step = len(SRGB) // 3 + 1
    parts = [SRGB[i : i + step] for i in range(0, len(SRGB), step)]
    segments = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((first + i, 3)) + parts[i]) for i in shuffled
    ]
    metadata, notes = notes_and_all(*segments)
    assert (metadata.icc_profile, notes) == (SRGB, ())


def icc(profile: bytes, number: int = 1, count: int = 1) -> bytes:
    return segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + profile)


def test_icc_with_what_does_not_belong_to_it() -> None:
    assert read(icc(SRGB + bytes(5))).icc_profile == SRGB
    other = SRGB[:-1] + b"x"
    metadata, notes = notes_and_all(icc(SRGB), icc(other))
    assert metadata.icc_profile == SRGB
    assert "more than one ICC profile" in notes[0]


def changed(place: int, value: bytes) -> bytes:
    return SRGB[:place] + value + SRGB[place + len(value) :]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"", "it is cut off"),
        (SRGB[:-1], "it is cut off"),
        (changed(36, b"none"), "the signature"),
        (changed(12, b"link"), "a device link"),
        (changed(20, b"RGB "), "connection space"),
        (changed(128, b"\xff\0\0\0"), "table of tags"),
        (changed(132 + 4, b"\0\xff\xff\xff"), "a tag of it"),
        (changed(64, b"\xff\xff\xff\xff"), "rendering intent"),
    ],
)
def test_broken_icc_is_named(broken: bytes, reason: str) -> None:
    metadata, notes = notes_and_all(icc(broken), segment(0xE1, EXIF + tiff()))
    assert (metadata.icc_profile, metadata.exif) == (None, tiff())
    assert len(notes) == 1
    assert notes[0].startswith("ICC profile is broken and was dropped: ")
    assert reason in notes[0]


def test_icc_with_a_part_missing() -> None:
    _, notes = notes_and_all(icc(SRGB[:100], 1, 2))
    assert notes == ("ICC profile is broken and was dropped: part 2 of 2 is missing",)


@pytest.mark.parametrize(
    ("space", "gray", "fits"),
    [
        (b"RGB ", False, True),
        (b"RGB ", True, True),
        (b"GRAY", True, True),
        (b"GRAY", False, False),
        (b"CMYK", False, False),
        (b"CMYK", True, False),
        (b"CMYK", None, True),
        (b"Lab ", False, False),
    ],
)
def test_icc_of_another_colour_space(space: bytes, gray: bool | None, fits: bool) -> None:
    metadata, notes = notes_and_all(icc(changed(16, space)), gray=gray)
    assert (metadata.icc_profile is not None) == fits
    if not fits:
        assert f"profile is for {space.decode().strip()}" in notes[0]


def test_names_of_profiles() -> None:
    assert profile_name(SRGB) == "sRGB built-in"
    tag = SRGB.index(b"desc", 128)
    assert profile_name(changed(tag, b"none")) == ""


def packet(properties: str, attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="urn:a">'
        f'<rdf:Description rdf:about="" {attributes}>{properties}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def extended(main: bytes, extension: bytes, step: int = 50) -> list[bytes]:
    digest = md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    parts = [
        segment(
            0xE1,
            EXTENSION
            + digest
            + len(extension).to_bytes(4, "big")
            + place.to_bytes(4, "big")
            + extension[place : place + step],
        )
        for place in range(0, len(extension), step)
    ]
    return [segment(0xE1, XMP + main.replace(b"DIGEST", digest)), *parts]


NOTE = 'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="DIGEST"'


def properties(xmp: bytes | None) -> dict[str, str]:
    assert xmp is not None
    start = xmp.index(b"<x:xmpmeta")
    root = ElementTree.fromstring(xmp[start : xmp.index(b"<?xpacket end")])
    found = {}
    for description in root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"):
        for name, text in [*description.items(), *((c.tag, c.text or "") for c in description)]:
            assert name not in found or name.endswith("about")
            found[name] = text
    return found


def test_xmp_alone_stays_byte_for_byte() -> None:
    one = packet("<a:x>1</a:x>") + b"   \n  "
    metadata, notes = notes_and_all(segment(0xE1, XMP + one), segment(0xE1, XMP + one))
    assert (metadata.xmp, notes) == (one, ())


def test_extended_xmp_in_any_order() -> None:
    main = packet("<a:x>1</a:x>", NOTE)
    extension = packet('<a:x>2</a:x><a:long>&lt;ä</a:long><b:y xmlns:b="urn:b">3</b:y>')
    segments = extended(main, extension)
    for chosen in (segments, segments[::-1], [*segments, segments[-1]]):
        metadata, notes = notes_and_all(*chosen)
        assert notes == ()
        found = properties(metadata.xmp)
        assert found.pop("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about") == ""
        assert found == {"{urn:a}x": "1", "{urn:a}long": "<ä", "{urn:b}y": "3"}


def test_extended_xmp_that_is_not_whole() -> None:
    main = packet("<a:x>1</a:x>", NOTE)
    segments = extended(main, packet("<a:y>2</a:y>"))
    metadata, notes = notes_and_all(*segments[:-1])
    assert notes == ("an extension of XMP was dropped: it is not whole",)
    assert metadata.xmp is not None
    assert b"<a:x>1</a:x>" in metadata.xmp
    metadata, notes = notes_and_all(*segments[1:])
    assert notes == ("an extension of XMP was dropped: the XMP does not name it",)


def test_several_packets_are_joined() -> None:
    one = packet("<a:x>1</a:x>", 'a:short="s"')
    two = packet("<a:x>2</a:x><a:z>3</a:z>", 'a:short="t" a:other="&lt;&quot;"')
    metadata, notes = notes_and_all(segment(0xE1, XMP + one), segment(0xE1, XMP + two))
    found = properties(metadata.xmp)
    assert notes == ()
    assert {k: v for k, v in found.items() if k.startswith("{urn:a}")} == {
        "{urn:a}x": "1",
        "{urn:a}short": "s",
        "{urn:a}z": "3",
        "{urn:a}other": '<"',
    }


@pytest.mark.parametrize(
    "second",
    [
        b"<broken",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + packet("<a:z>&b;</a:z>"),
        b"<no><rdf/></no>",
        b"<a>" * 50_000,
    ],
)
def test_packets_that_cannot_be_joined(second: bytes) -> None:
    one = packet("<a:x>1</a:x>")
    metadata, notes = notes_and_all(segment(0xE1, XMP + one), segment(0xE1, XMP + second[:65000]))
    assert metadata.xmp == one
    assert notes == ("XMP after the first packet cannot be joined to it and was dropped",)


def test_encodings_of_xmp() -> None:
    text = packet("<a:x>1</a:x>").decode()
    assert read(segment(0xE1, XMP + text.encode("utf-16"))).xmp == text.encode()
    assert read(segment(0xE1, XMP + text.encode() + b"\0\0")).xmp == text.encode()
    metadata, notes = notes_and_all(segment(0xE1, XMP + b"\xff\xc0"))
    assert (metadata.xmp, len(notes)) == (None, 1)


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    pascal = bytes((len(name),)) + name
    pascal += bytes(len(pascal) % 2)
    padded = data + bytes(len(data) % 2)
    return b"8BIM" + number.to_bytes(2, "big") + pascal + len(data).to_bytes(4, "big") + padded


IPTC = resource(0x0404, b"\x1c\x02\x78\x00\x07caption")


def photoshop(data: bytes) -> bytes:
    return segment(0xED, b"Photoshop 3.0\0" + data)


def test_image_resources() -> None:
    metadata, notes = notes_and_all(photoshop(resource(0x03ED, bytes(16), b"odd") + IPTC))
    assert notes == ()
    assert metadata.photoshop == resource(0x03ED, bytes(16), b"odd") + IPTC
    assert metadata.has_iptc
    assert not read(photoshop(resource(0x03ED, bytes(16)))).has_iptc
    long = resource(0x040C, bytes(100_000)) + IPTC
    split = notes_and_all(photoshop(long[:65000]), photoshop(long[65000:]))
    assert split == (Metadata(photoshop=long), ())


def test_broken_image_resources_cost_only_themselves() -> None:
    exif = segment(0xE1, EXIF + tiff())
    metadata, notes = notes_and_all(photoshop(b"8BIM\x07\xdb"), exif, icc(SRGB))
    assert (metadata.exif, metadata.icc_profile, metadata.photoshop) == (tiff(), SRGB, None)
    assert len(notes) == 1
    assert "APP13" in notes[0]
    metadata, notes = notes_and_all(photoshop(IPTC + b"8BIM\x07\xdb"))
    assert metadata.photoshop == IPTC
    assert "whole resources were kept" in notes[0]


def test_comments() -> None:
    comments = ("plain", "ä in Latin".encode("latin-1"), "ä 漢".encode(), b"end\0\0", b"")
    segments = [segment(0xFE, c if isinstance(c, bytes) else c.encode()) for c in comments]
    assert read(*segments).comments == ("plain", "ä in Latin", "ä 漢", "end")


def jfif(unit: int, across: int, down: int) -> bytes:
    density = across.to_bytes(2, "big") + down.to_bytes(2, "big")
    return segment(0xE0, b"JFIF\0\1\1" + bytes((unit,)) + density + b"\0\0")


@pytest.mark.parametrize(
    ("segments", "dpi", "aspect"),
    [
        ((jfif(1, 300, 150),), (300, 150), None),
        ((jfif(2, 100, 100),), (254, 254), None),
        ((jfif(0, 1, 1),), None, None),
        ((jfif(0, 2, 1),), None, (2, 1)),
        ((jfif(1, 0, 0),), None, None),
        ((jfif(7, 3, 4),), None, None),
        ((jfif(0, 1, 1), segment(0xE1, EXIF + tiff(dpi=(240, 120)))), (240, 120), None),
        ((segment(0xE1, EXIF + tiff(">", (100, 50), 3)),), (254, 127), None),
        ((segment(0xE1, EXIF + tiff(dpi=(240, 120), unit=1)),), None, None),
        ((segment(0xE1, EXIF + tiff(dpi=(0, 120))),), None, None),
        ((jfif(1, 96, 96), segment(0xE1, EXIF + tiff(dpi=(240, 120)))), (96, 96), None),
    ],
)
def test_density(
    segments: tuple[bytes, ...],
    dpi: tuple[float, float] | None,
    aspect: tuple[int, int] | None,
) -> None:
    metadata = read(*segments)
    assert (metadata.dpi, metadata.aspect) == (dpi, aspect)


HDR = XMP + b"<x hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'/>"
FRAME = b"\xff\xd8" + segment(0xDA, b"\1\1\0\0\x3f\0") + b"data\xff\xd9"
APPLE = FRAME[:2] + segment(0xE1, b"http://ns.apple.com/HDRGainMap/1.0/") + FRAME[2:]


@pytest.mark.parametrize(
    ("segments", "behind", "named"),
    [
        ((), FRAME, "a further picture"),
        ((), FRAME * 3, "3 further pictures"),
        ((), FRAME + FRAME[:-2], "2 further pictures"),
        ((), b"\xff\xd8\xff" * 2000, "1000 or more further pictures"),
        ((), bytes(99), ""),
        ((), b"trailer", "7 bytes behind the picture"),
        ((), bytes.fromhex("00000018") + b"ftypmp42" + bytes(9), "a video"),
        ((segment(0xE2, b"MPF\0MM"),), FRAME, "an index of further pictures (MPF), a further"),
        ((segment(0xEB, b"JP\0\0....jumb....jumdc2pa"),), b"", "a C2PA manifest"),
        ((segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0"),), b"", "a gain map (HDR)"),
        (
            (segment(0xE1, HDR),),
            b"",
            "a gain",
        ),
        ((), APPLE, "a gain map (HDR), a f"),
        ((segment(0xE1, b"FLIR\0"),), b"", "thermal data (FLIR)"),
        ((segment(0xE7, b"Own\0\1\2"),), b"", "APP7 Own"),
        ((segment(0xE7, b"\1"), segment(0xE7, b"\1")), b"", "APP7"),
        ((segment(0xEE, b"Adobe\0"), segment(0xEC, b"Ducky"), segment(0xE3, b"")), b"", ""),
    ],
)
def test_what_is_not_kept_is_named_in_one_line(
    segments: tuple[bytes, ...], behind: bytes, named: str
) -> None:
    metadata, notes = notes_and_all(*segments, behind=behind)
    assert len(notes) == bool(named)
    assert "".join(notes).startswith(f"not kept: {named}" if named else "")
    assert bool(metadata.others) == bool(named)


KINDS = [
    (0xE0, b"JFIF\0"),
    (0xE1, EXIF + b"II*\0\x08\0\0\0"),
    (0xE1, XMP + b"<"),
    (0xE1, EXTENSION + bytes(40)),
    (0xE2, b"ICC_PROFILE\0\1\1"),
    (0xED, b"Photoshop 3.0\0" + IPTC[:9]),
    (0xFE, b""),
    (0xEB, b"JP"),
]


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=60)), max_size=6),
    st.binary(max_size=60),
)
def test_whatever_segments_hold(
    parts: list[tuple[tuple[int, bytes], bytes]], behind: bytes
) -> None:
    segments = [segment(code, start + noise) for (code, start), noise in parts]
    good = segment(0xFE, b"the comment")
    metadata, notes = notes_and_all(*segments, good, behind=behind)
    assert metadata.comments[-1] == "the comment"
    assert all(isinstance(note, str) for note in notes)
