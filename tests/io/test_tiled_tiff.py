"""TIFF files with what lies beyond the edge: written, read back, and read by others."""

from io import BytesIO
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.io.png import Stopped
from jpegx.io.tiff_fields import Carried
from jpegx.io.tiled_tiff import REDUCTIONS, PaddedPicture, read_padded, write_padded

TEXT = {"Software": "jpegx 1", "Description": "sample 0"}


def written(picture: PaddedPicture, stop: Event | None = None) -> bytes:
    stream = BytesIO()
    carried = Carried(TEXT, b"profile", b"<x/>", b"8BIM", (300, 72.5))
    write_padded(stream, picture, carried, compress_level=1, stop=stop or Event())
    return stream.getvalue()


@st.composite
def padded_pictures(draw: st.DrawFn) -> PaddedPicture:
    space = draw(st.sampled_from(("gray", "rgb", "ycbcr")))
    reduction = draw(st.sampled_from(sorted(REDUCTIONS))) if space == "ycbcr" else (1, 1)
    width, height = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    unit = (8 * reduction[0], 8 * reduction[1])
    full = -(-height // unit[1]) * unit[1], -(-width // unit[0]) * unit[0]
    small = full[0] // reduction[1], full[1] // reduction[0]
    random = np.random.default_rng(draw(st.integers(0, 999)))
    shapes = [full] if space == "gray" else [full, small, small]
    if space != "ycbcr" and draw(st.booleans()):
        planes = [random.normal(128, 200, shape).astype(np.float32) for shape in shapes]
    else:
        planes = [random.integers(0, 256, shape, np.uint8) for shape in shapes]
    return PaddedPicture(tuple(planes), (width, height), space, reduction, unit)


@given(padded_pictures())
def test_what_is_written_is_read(picture: PaddedPicture) -> None:
    found = read_padded(BytesIO(written(picture)), "x", picture.size)
    assert found is not None
    assert (found.size, found.space, found.reduction) == (
        picture.size,
        picture.space,
        picture.reduction,
    )
    for ours, theirs in zip(found.planes, picture.planes, strict=True):
        rows, columns = theirs.shape
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours[:rows, :columns], theirs)


@pytest.mark.parametrize("reduction", sorted(REDUCTIONS))
def test_libtiff_reads_it(reduction: tuple[int, int]) -> None:
    h, v = reduction
    planes = [np.full((320, 320), 90, np.uint8)]
    planes[0][:, 100:] = 200
    planes += [np.full((320 // v, 320 // h), value, np.uint8) for value in (100, 180)]
    picture = PaddedPicture(tuple(planes), (301, 299), "ycbcr", reduction, (8 * h, 8 * v))
    with Image.open(BytesIO(written(picture))) as image:
        assert image.size == (301, 299)
        assert image.info["icc_profile"] == b"profile"
        assert tuple(map(float, image.info["dpi"])) == (300, 72.5)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for column, luma in ((50, 90), (200, 200)):
        expected = Image.new("YCbCr", (1, 1), (luma, 100, 180)).convert("RGB").getpixel((0, 0))
        assert np.abs(pixels[:, column] - np.array(expected)).max() <= 2


def test_other_files_are_left_to_others() -> None:
    stream = BytesIO()
    Image.new("RGB", (5, 4)).save(stream, "TIFF")
    assert read_padded(BytesIO(stream.getvalue()), "x", (5, 4)) is None
    assert read_padded(BytesIO(b"II*\0" + bytes(20)), "x", (5, 4)) is None
    assert read_padded(BytesIO(b"\x89PNG"), "x", (5, 4)) is None


def small() -> PaddedPicture:
    planes = (np.zeros((8, 16), np.uint8), *(np.zeros((8, 8), np.uint8),) * 2)
    return PaddedPicture(planes, (9, 8), "ycbcr", (2, 1), (16, 8))


def test_another_size_is_refused_first() -> None:
    with pytest.raises(PictureMismatch, match="x: it has 9x8 pixels, the JPEG file 9x9"):
        read_padded(BytesIO(written(small())), "x", (9, 9))


@given(st.data())
def test_damage_is_one_line(data: st.DataObject) -> None:
    good = bytearray(written(small()))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    for bad in (bytes(good), bytes(good[:cut])):
        message = "x: "
        try:
            read_padded(BytesIO(bad), "x", (9, 8))
        except (UnreadablePicture, PictureMismatch) as error:
            message = str(error)
        assert message.startswith("x: ")
        assert "\n" not in message


def test_it_stops() -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        written(small(), stop)
