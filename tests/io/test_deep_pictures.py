"""PNG and TIFF files of 16 bits, and PNG of 8, there and back, by us and by others; broken ones."""

import struct
import tracemalloc
import zlib
from collections.abc import Sequence
from io import BytesIO
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.io.deep_png import read_deep_png
from jpegx.io.png import Chunk, Stopped, encode_png
from jpegx.io.seen import Seen
from jpegx.io.strip_tiff import read_deep_strips, write_strips
from jpegx.io.tiff_exif import exif_fields
from jpegx.io.tiff_fields import Carried, Directory, Field

CARRIED = Carried({"Software": "jpegx 1", "Description": "x"}, None, None, None, None)


def png(pixels: np.ndarray, stop: Event | None = None) -> bytes:
    stream = BytesIO()
    encode_png(stream, pixels, (), compress_level=1, stop=stop or Event())
    return stream.getvalue()


def tiff(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    write_strips(stream, pixels, CARRIED, compress_level=1, stop=Event())
    return stream.getvalue()


@st.composite
def deep_pixels(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 40))
    channels, scale = draw(st.sampled_from((1, 3))), draw(st.sampled_from((0, 30, 9000)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    slope = np.linspace(0, 65535, height * width).reshape(height, width, 1)
    noise = random.normal(0, scale, (height, width, channels))
    return (slope + noise).clip(0, 65535).astype(np.uint16)


@given(deep_pixels())
def test_what_is_written_is_read(pixels: np.ndarray) -> None:
    size = pixels.shape[1], pixels.shape[0]
    for data, read in ((png(pixels), read_deep_png), (tiff(pixels), read_deep_strips)):
        found = read(BytesIO(data), "x", size)
        assert found is not None
        assert found.dtype == np.uint16
        assert np.array_equal(found, pixels)


@given(deep_pixels())
def test_pictures_of_8_bits_are_read_by_pillow(pixels: np.ndarray) -> None:
    small = (pixels >> 8).astype(np.uint8)
    with Image.open(BytesIO(png(small)), formats=("PNG",)) as image:
        assert image.mode == ("L" if small.shape[2] == 1 else "RGB")
        assert np.array_equal(np.asarray(image).reshape(small.shape), small)


def filtered_png(pixels: np.ndarray, filters: list[int], kind: int) -> bytes:
    """A file whose rows have the filters that they are to have, by the definition, byte by byte."""
    height, width, channels = pixels.shape
    step = 2 * channels
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8).astype(int)
    out = bytearray()
    for y in range(height):
        out.append(filters[y])
        for x in range(rows.shape[1]):
            left = rows[y, x - step] if x >= step else 0
            up = rows[y - 1, x] if y else 0
            corner = rows[y - 1, x - step] if y and x >= step else 0
            guess = left + up - corner
            near = min((left, up, corner), key=lambda value: abs(guess - value))
            chosen = (0, left, up, (left + up) // 2, near)[filters[y]]
            out.append((rows[y, x] - chosen) % 256)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((16, kind, 0, 0, 0))
    parts = (Chunk(b"IHDR", header), Chunk(b"IDAT", zlib.compress(bytes(out))), Chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(part.encode() for part in parts)


@given(st.lists(st.integers(0, 4), min_size=5, max_size=5), st.sampled_from((0, 2, 4, 6)))
def test_files_of_others(filters: list[int], kind: int) -> None:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    random = np.random.default_rng(sum(filters))
    pixels = random.integers(0, 65536, (5, 4, channels), np.uint16)
    if kind in (4, 6):
        with pytest.raises(PictureMismatch, match="transparent"):
            read_deep_png(BytesIO(filtered_png(pixels, filters, kind)), "x", (4, 5))
        pixels[..., -1] = 65535
    found = read_deep_png(BytesIO(filtered_png(pixels, filters, kind)), "x", (4, 5))
    expected = pixels if kind in (0, 2) else pixels[..., :-1]
    assert found is not None
    assert np.array_equal(found, expected)


@given(st.data())
def test_broken_files_are_one_line(data: st.DataObject) -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 10, 3)
    for whole, read in ((png(pixels), read_deep_png), (tiff(pixels), read_deep_strips)):
        broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
        if broken and data.draw(st.booleans()):
            broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
        said = "x: read"
        try:
            read(BytesIO(bytes(broken)), "x", (10, 20))
        except (UnreadablePicture, PictureMismatch) as error:
            said = str(error)
        assert said.startswith("x: ")
        assert "\n" not in said


def test_a_bomb_is_not_unpacked() -> None:
    pixels = np.zeros((20, 10, 3), np.uint16)
    whole = png(pixels)
    start = whole.index(b"IDAT") - 4
    bomb = Chunk(b"IDAT", zlib.compress(bytes(1 << 24))).encode()
    with pytest.raises(UnreadablePicture):
        read_deep_png(BytesIO(whole[:start] + bomb), "x", (10, 20))


def test_stopping() -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        png(np.zeros((20, 10, 3), np.uint16), stop)


@given(st.binary(max_size=200), st.sampled_from((b"II*\0", b"MM\0*")))
def test_any_exif_is_taken_or_left(data: bytes, start: bytes) -> None:
    stream = BytesIO()
    carried = CARRIED._replace(more=exif_fields(start + data))
    write_strips(stream, np.zeros((2, 2, 3), np.uint16), carried, compress_level=1, stop=Event())
    assert read_deep_strips(BytesIO(stream.getvalue()), "x", (2, 2)) is not None


def entries(*rows: tuple[int, int, int, int]) -> bytes:
    """A directory of a TIFF structure: of each entry number, type, amount and where it points."""
    return struct.pack("<H", len(rows)) + b"".join(struct.pack("<HHII", *row) for row in rows)


def told(fields: Sequence[Field | Directory]) -> int:
    return sum(told(f.fields) if isinstance(f, Directory) else len(f.data) for f in fields)


def test_entries_that_share_their_bytes_tell_no_more_than_there_is() -> None:
    below = 8 + len(entries(*[(0, 4, 1, 0)] * 3))
    first = entries(*((number, 4, 1, below) for number in (34665, 34853, 40965)))
    many = entries(*((number, 7, 60_000, 8) for number in range(40_000, 42_000)))
    exif = (b"II*\0\x08\0\0\0" + first + many).ljust(65_000, b"x")
    assert 0 < told(exif_fields(exif)) <= len(exif)
    # Pictures of others are looked at, too, before it is known that they are.
    shared = entries(*((number, 3, 190_000, 8) for number in range(2_000)))
    picture = (b"II*\0\x08\0\0\0" + shared).ljust(400_000, b"\1")
    tracemalloc.start()
    assert read_deep_strips(BytesIO(picture), "x", (2, 2)) is None
    assert tracemalloc.get_traced_memory()[1] < 20 * len(picture)
    tracemalloc.stop()


@given(st.lists(st.text(max_size=3), max_size=60))
def test_what_is_seen_is_known(things: list[str]) -> None:
    seen, known = Seen(), set()
    for thing in things:
        assert (thing in seen) == (thing in known)
        assert seen.add(thing) == (thing not in known)
        known.add(thing)
    assert len(seen) == len(known)


def test_very_many_are_seen() -> None:
    seen = Seen()
    assert all(seen.add(str(number)) for number in range(20_000))
    assert not any(seen.add(str(number)) for number in range(20_000))
