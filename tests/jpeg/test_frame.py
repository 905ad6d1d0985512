"""The header parser against libjpeg's rules."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jpeg_writer import (
    JFIF,
    Factors,
    adobe,
    quantization_segment,
    random_coefficients,
    segment,
    write_jpeg,
)
from jpegx.errors import JpegxError, UnreadableJpeg, UnsupportedJpeg
from jpegx.jpeg.reader.parser import parse_header
from jpegx.jpeg.reader.segments import ZIGZAG

FOUR_TWO_ZERO = ((2, 2), (1, 1), (1, 1))


def jpeg(
    width: int = 24,
    height: int = 20,
    factors: Factors = FOUR_TWO_ZERO,
    **options: Any,  # noqa: ANN401
) -> bytes:
    coefficients = random_coefficients(width, height, factors)
    return write_jpeg(coefficients, width=width, height=height, factors=factors, **options)


def patched(data: bytes, marker: int, offset: int, value: int) -> bytes:
    """The file with a byte of a segment changed; offset 0 is the first byte behind the length."""
    position = data.index(bytes((0xFF, marker))) + 4 + offset
    return data[:position] + bytes((value,)) + data[position + 1 :]


def test_zigzag_order() -> None:
    assert ZIGZAG[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert ZIGZAG[-3:].tolist() == [55, 62, 63]


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_files_of_pillow(subsampling: int, progressive: bool) -> None:
    file = io.BytesIO()
    picture = Image.radial_gradient("L").resize((50, 30)).convert("RGB")
    picture.save(file, "JPEG", subsampling=subsampling, progressive=progressive)
    header = parse_header(file.getvalue())
    assert (header.width, header.height) == (50, 30)
    assert header.color_space == "ycbcr"
    assert header.layout.factors[0] == [(1, 1), (2, 1), (2, 2)][subsampling]
    assert header.coding == ("progressive" if progressive else "baseline")
    assert len(header.scans) == (10 if progressive else 1)
    assert not header.damage
    assert not header.notes
    assert not header.gaps()


@pytest.mark.parametrize(
    ("extra", "identifiers", "expected"),
    [
        (JFIF, (1, 2, 3), "ycbcr"),
        (JFIF, b"RGB", "ycbcr"),
        (adobe(0), (1, 2, 3), "rgb"),
        (adobe(1), b"RGB", "ycbcr"),
        (adobe(2), (1, 2, 3), "ycbcr"),
        (JFIF + adobe(0), (1, 2, 3), "ycbcr"),
        (segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0"), b"RGB", "rgb"),
        (segment(0xEE, b"Adobe" + bytes(6)), (1, 2, 3), "ycbcr"),
        (b"", b"RGB", "rgb"),
        (b"", (0, 1, 2), "ycbcr"),
        (b"", (7, 7, 7), "ycbcr"),
    ],
)
def test_color_space_is_the_guess_of_libjpeg(
    extra: bytes, identifiers: tuple[int, ...], expected: str
) -> None:
    flat = [np.zeros((1, 1, 8, 8), np.int16) for _ in range(3)]
    flat[1][..., 0, 0] = 100
    data = write_jpeg(
        flat, width=8, height=8, factors=((1, 1),) * 3, extra=extra, identifiers=identifiers
    )
    assert parse_header(data).color_space == expected
    # Pillow shows what libjpeg guesses: the second component is green, or blue less yellow.
    _, green, blue = np.asarray(Image.open(io.BytesIO(data)))[0, 0]
    assert (green > blue) == (expected == "rgb")


def test_gray_and_restart_interval() -> None:
    header = parse_header(jpeg(factors=((2, 2),), restart_interval=2))
    assert header.color_space == "gray"
    assert header.layout.factors == ((1, 1),)
    assert header.restart_interval == 2


def test_garbage_between_segments_is_skipped() -> None:
    data = jpeg()
    start = data.index(b"\xff\xc0")
    dirty = data[:start] + b"\x00garbage\xff\x00\xff\xff\xff" + data[start:]
    assert parse_header(dirty).layout == parse_header(data).layout


def test_tables_are_those_of_the_first_scan() -> None:
    data = jpeg(interleaved=False)
    second_scan = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    changed = b"".join(quantization_segment(slot, np.full((8, 8), 77)) for slot in (0, 2))
    header = parse_header(data[:second_scan] + changed + data[second_scan:])
    assert [table[0, 0] for table in header.tables] == [3, 4, 77]


def test_clean_stream_holds_no_metadata_and_the_same_picture() -> None:
    data = jpeg(extra=JFIF + segment(0xE1, b"Exif\0\0secret"), identifiers=(9, 8, 7))
    clean = b"".join(parse_header(data).stream(data))
    assert b"secret" not in clean
    again = parse_header(clean)
    assert again.layout == parse_header(data).layout
    assert again.scans[0].components == (0, 1, 2)


def cmyk() -> bytes:
    file = io.BytesIO()
    Image.new("CMYK", (9, 9)).save(file, "JPEG")
    return file.getvalue()


def two_components() -> bytes:
    return jpeg(factors=((1, 1),) * 3).replace(
        b"\xff\xc0\x00\x11\x08\x00\x14\x00\x18\x03\x01\x11\x00\x02\x11\x01\x03\x11\x02",
        b"\xff\xc0\x00\x0e\x08\x00\x14\x00\x18\x02\x01\x11\x00\x02\x11\x01",
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (patched(jpeg(frame=0xC1), 0xC1, 0, 12), "12-bit"),
        (jpeg(frame=0xC3), "lossless"),
        (jpeg(frame=0xCB), "lossless"),
        (jpeg(frame=0xC5), "hierarchical"),
        (jpeg(extra=segment(0xDE, bytes(6))), "hierarchical"),
        (jpeg(extra=segment(0xF7, bytes(6))), "JPEG-LS"),
        (cmyk(), "CMYK"),
        (two_components(), "2 components"),
        (patched(patched(jpeg(), 0xC0, 1, 255), 0xC0, 2, 255), "65500"),
        (patched(patched(jpeg(), 0xC0, 1, 0), 0xC0, 2, 0), "DNL"),
    ],
)
def test_unsupported_kinds(data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedJpeg, match=reason):
        parse_header(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "not a JPEG"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (patched(patched(jpeg(), 0xC0, 3, 0), 0xC0, 4, 0), "impossible size"),
        (patched(jpeg(), 0xC0, 7, 0x50), "sampling factors"),
        (patched(jpeg(), 0xC0, 7, 0x44), "blocks a unit"),
        (patched(jpeg(), 0xC0, 8, 3), "quantization table 3 is missing"),
        (patched(jpeg(), 0xDB, 1, 0), "step of 0"),
        (patched(jpeg(), 0xDB, 0, 4), "quantization table is broken"),
        (patched(jpeg(), 0xC4, 1, 9), "Huffman table"),
        (patched(jpeg(), 0xC4, 17, 16), "Huffman table 0 is broken"),
        (patched(jpeg(), 0xDA, 2, 0x30), "Huffman table 3 is missing"),
        (patched(jpeg(), 0xDA, 1, 3), "out of order"),
        (patched(jpeg(), 0xDA, 0, 2), "wrong length"),
        (jpeg(frame=0xC2), "impossible parameters"),
        (jpeg(frame=0xC2).replace(b"\x00\x3f\x00", b"\x00\x00\x2f"), "impossible parameters"),
        (jpeg(extra=b"\xff\xd8"), "second JPEG"),
        (jpeg(extra=segment(0xF0, b"")), "unknown marker FF F0"),
        (jpeg(extra=segment(0xDD, b"\0")), "restart interval"),
        (jpeg(extra=segment(0xCC, b"\x40\x00")), "conditioning"),
    ],
)
def test_broken_headers(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableJpeg, match=reason):
        parse_header(data)


def test_every_cut_of_the_headers_is_refused() -> None:
    data = jpeg(extra=JFIF)
    end = data.index(b"\xff\xda") + 14
    for length in range(end):
        with pytest.raises(JpegxError):
            parse_header(data[:length])
    assert parse_header(data[:end]).damage == ("truncated: the end-of-image marker is missing",)


def test_damage_behind_the_first_scan_is_told() -> None:
    data = jpeg(interleaved=False)
    second_scan = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    header = parse_header(data[:second_scan] + segment(0xDB, b"\x00") + data[second_scan:])
    assert header.damage == ("reading ended after scan 1: a quantization table is broken",)
    assert header.gaps() == ("no data for Cb, Cr",)
