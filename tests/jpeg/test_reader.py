"""Reading JPEG files of many kinds: the coefficients are those that were written."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
import pytest
from PIL import Image, ImageCms

from jpeg_writer import (
    JFIF,
    Factors,
    adobe,
    quantization_segment,
    random_coefficients,
    segment,
    write_jpeg,
)
from jpegx.errors import UnreadableJpeg, UnsupportedJpeg
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.reader.libjpeg import show

FOUR_FOUR_FOUR = ((1, 1), (1, 1), (1, 1))
FOUR_TWO_ZERO = ((2, 2), (1, 1), (1, 1))


def picture(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(5)
    small = generator.integers(0, 256, (max(1, height // 9), max(1, width // 9), 3))
    return Image.fromarray(small.astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, **options: Any) -> bytes:  # noqa: ANN401
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def check(
    width: int,
    height: int,
    factors: Factors = FOUR_TWO_ZERO,
    **options: Any,  # noqa: ANN401
) -> QuantizedJpeg:
    """Write random coefficients, read them back, compare."""
    coefficients = random_coefficients(width, height, factors)
    data = write_jpeg(coefficients, width=width, height=height, factors=factors, **options)
    jpeg = read_jpeg(data)
    assert jpeg.warnings == ()
    assert (jpeg.layout.width, jpeg.layout.height) == (width, height)
    for read, written in zip(jpeg.coefficients, coefficients, strict=True):
        assert read.dtype == np.int16
        assert np.array_equal(read, written)
    return jpeg


FACTORS = [
    ((h, v), (c, d), (1, 1))
    for h in (1, 2, 3, 4)
    for v in (1, 2, 3, 4)
    for c, d in ((1, 1), (min(2, h), min(2, v)))
]


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_sampling_factors(factors: Factors) -> None:
    for width, height in ((1, 1), (37, 41), (64, 64)):
        assert check(width, height, factors, interleaved=False).scans == 3
        if sum(h * v for h, v in factors) <= 10:  # the most that an interleaved scan takes
            assert check(width, height, factors).scans == 1


def test_fractional_sampling() -> None:
    assert check(50, 40, ((3, 2), (2, 1), (1, 1))).layout.is_fractional


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 31), (65500, 1), (1, 65500)])
def test_sizes(size: tuple[int, int]) -> None:
    check(*size)


@pytest.mark.parametrize("factors", [((1, 1),), ((2, 2),), ((3, 1),)])
def test_gray(factors: Factors) -> None:
    jpeg = check(21, 19, factors)
    assert jpeg.layout.color_space == "gray"
    assert jpeg.layout.factors == ((1, 1),)


def test_restart_intervals() -> None:
    assert check(90, 70, restart_interval=3).restart_interval == 3
    assert check(90, 70, restart_interval=7, interleaved=False).restart_interval == 7


def test_rgb() -> None:
    assert check(20, 20, FOUR_FOUR_FOUR, extra=adobe(0)).layout.color_space == "rgb"


def test_three_tables_of_16_bits() -> None:
    generator = np.random.default_rng(1)
    tables = [generator.integers(1, 65536, (8, 8)) for _ in range(3)]
    jpeg = check(20, 20, tables=tables, frame=0xC1)
    assert jpeg.coding == "extended"
    for read, written in zip(jpeg.tables, tables, strict=True):
        assert read.dtype == np.int32
        assert np.array_equal(read, written)


@pytest.mark.parametrize("progressive", [False, True])
def test_same_coefficients_as_jpeglib(tmp_path: Path, progressive: bool) -> None:
    path = tmp_path / "file.jpg"
    path.write_bytes(saved(picture(123, 77), quality=80, progressive=progressive))
    expected = jpeglib.read_dct(str(path))
    jpeg = read_jpeg(path)
    for read, other in zip(jpeg.coefficients, (expected.Y, expected.Cb, expected.Cr), strict=True):
        assert np.array_equal(read, other)


@pytest.mark.parametrize("progressive", [False, True])
def test_arithmetic_coding_holds_the_same_coefficients(tmp_path: Path, progressive: bool) -> None:
    pixels = np.asarray(picture(61, 45))
    paths = tmp_path / "huffman.jpg", tmp_path / "arithmetic.jpg"
    before = jpeglib.version.get()
    jpeglib.version.set("9f")
    try:
        flags = ["+PROGRESSIVE_MODE"] if progressive else []
        for path, more in zip(paths, ([], ["+ARITH_CODE"]), strict=True):
            jpeglib.from_spatial(pixels).write_spatial(str(path), qt=60, flags=flags + more)
    finally:
        jpeglib.version.set(before or "6b")
    huffman, arithmetic = (read_jpeg(path) for path in paths)
    assert huffman.coding == ("progressive" if progressive else "baseline")
    assert arithmetic.coding == ("arithmetic progressive" if progressive else "arithmetic")
    for a, b in zip(huffman.coefficients, arithmetic.coefficients, strict=True):
        assert np.array_equal(a, b)


def without_huffman_tables(data: bytes) -> bytes:
    while (start := data.find(b"\xff\xc4")) >= 0:
        data = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]
    return data


def test_motion_jpeg_without_huffman_tables() -> None:
    data = saved(picture(50, 40))
    bare = without_huffman_tables(data)
    assert len(bare) < len(data)
    for a, b in zip(read_jpeg(data).coefficients, read_jpeg(bare).coefficients, strict=True):
        assert np.array_equal(a, b)


def test_sources_and_names(tmp_path: Path) -> None:
    data = saved(picture(9, 9))
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    for source in (path, data, io.BytesIO(data)):
        jpeg = read_jpeg(source)
        assert jpeg.file_size == len(data)
        assert jpeg.bits_per_pixel == 8 * len(data) / 81
    with pytest.raises(UnreadableJpeg, match=r"^here: the file is empty"):
        read_jpeg(b"", name="here")
    with pytest.raises(UnreadableJpeg, match=r"missing.jpg: No such file"):
        read_jpeg(tmp_path / "missing.jpg")
    with pytest.raises(UnreadableJpeg, match="Is a directory"):
        read_jpeg(tmp_path)
    with pytest.raises(UnreadableJpeg) as caught:
        read_jpeg(tmp_path / "two\nlines\x1b[31m.jpg")
    assert str(caught.value).isprintable()


def test_arrays_are_read_only() -> None:
    jpeg = read_jpeg(saved(picture(9, 9)))
    for array in (*jpeg.coefficients, *jpeg.tables):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_files(capfd: pytest.CaptureFixture[str], progressive: bool) -> None:
    data = saved(picture(200, 200), quality=85, progressive=progressive)
    whole = read_jpeg(data)
    for share in (0.5, 0.8, 0.95):
        cut = data[: int(len(data) * share)]
        jpeg = read_jpeg(cut)
        assert "truncated: the end-of-image marker is missing" in jpeg.warnings
        assert (
            np.array_equal(jpeg.coefficients[0][0, 0], whole.coefficients[0][0, 0]) or progressive
        )
        with pytest.raises(UnreadableJpeg, match="truncated"):
            read_jpeg(cut, strict=True)
    assert read_jpeg(data, strict=True).warnings == ()
    assert capfd.readouterr() == ("", "")


def test_a_truncated_baseline_file_tells_how_much_is_missing() -> None:
    coefficients = [np.ones((20, 20, 8, 8), np.int16)]
    data = write_jpeg(coefficients, width=160, height=160, factors=((1, 1),))
    start = data.index(b"\xff\xda")
    warnings = read_jpeg(data[: start + (len(data) - start) // 2]).warnings
    assert "the bottom 50% of the picture is missing (gray)" in warnings


def test_a_missing_progressive_scan_is_told() -> None:
    data = saved(picture(64, 64), progressive=True)
    last_scan = data.rindex(b"\xff\xda")
    jpeg = read_jpeg(data[:last_scan] + b"\xff\xd9")
    assert jpeg.warnings == ("scans that refine the picture are missing: its detail is incomplete",)


def test_extra_bytes_behind_the_picture_are_no_damage() -> None:
    data = saved(picture(20, 20))
    jpeg = read_jpeg(data[:-2] + bytes(50) + b"\xff\xd9" + b"trailing", strict=True)
    warning, behind = jpeg.warnings
    assert behind == "not kept: 8 bytes behind the picture"
    assert warning.endswith(" extra bytes behind the last scan were skipped")


def one_scan_a_component(side: int) -> bytes:
    """A square file of random coefficients at 4:4:4, not interleaved."""
    coefficients = random_coefficients(side, side, FOUR_FOUR_FOUR)
    size: dict[str, Any] = {"width": side, "height": side, "factors": FOUR_FOUR_FOUR}
    return write_jpeg(coefficients, interleaved=False, **size)


def second_scan(data: bytes) -> int:
    """Where the header of the second scan begins."""
    return data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)


def refused_as_damaged(data: bytes, reason: str) -> None:
    assert any(reason in warning for warning in read_jpeg(data).warnings)
    with pytest.raises(UnreadableJpeg, match=reason):
        read_jpeg(data, strict=True)


def test_unusual_parameters_of_a_scan_do_not_hide_damage() -> None:
    data = bytearray(saved(picture(100, 100), quality=90))
    last_coefficient = data.index(b"\xff\xda") + 12
    assert data[last_coefficient] == 63
    data[last_coefficient] = 0
    note = "a scan header has unusual parameters, which were ignored"
    assert read_jpeg(bytes(data), strict=True).warnings == (note,)
    refused_as_damaged(bytes(data[: len(data) // 2]) + b"\xff\xd9", "ends early")


def test_bytes_too_many_inside_the_picture_are_damage() -> None:
    data = bytearray(saved(picture(160, 160), quality=90, restart_marker_rows=2))
    start = data.index(b"\xff\xd0") - 60
    data[start:start] = bytes(50)
    refused_as_damaged(bytes(data), "bytes too many inside the picture")
    lost = bytes(data[: data.index(b"\xff\xd1")]) + bytes(50) + b"\xff\xd9"
    refused_as_damaged(lost, "bytes too many")
    assert any("of the picture is missing" in line for line in read_jpeg(lost).warnings)
    several = one_scan_a_component(40)
    second = second_scan(several)
    refused_as_damaged(several[:second] + bytes(50) + several[second:], "bytes too many inside")


def test_a_table_that_stands_behind_the_end_is_not_needed() -> None:
    data = one_scan_a_component(64)
    late = [quantization_segment(slot, np.full((8, 8), 3 + slot, np.int32)) for slot in (1, 2)]
    for table in late:
        assert table in data
        data = data.replace(table, b"")
    second = second_scan(data)
    assert read_jpeg(data[:second] + b"".join(late) + data[second:]).warnings == ()
    cut = read_jpeg(data[: second - 20])
    assert "no data for Cb, Cr" in cut.warnings
    assert [table[0, 0] for table in cut.tables] == [3, 3, 3]
    early = read_jpeg(data[:2] + b"".join(late) + data[2 : second - 20])
    assert [table[0, 0] for table in early.tables] == [3, 4, 5]


@pytest.mark.parametrize("height", [5, 8, 16])
def test_progressive_files_one_unit_high_are_shown_without_all_scans(height: int) -> None:
    data = saved(picture(40, height), progressive=True)
    second = second_scan(data)
    jpeg = read_jpeg(data[:second] + b"\xff\xd9")
    shown = show(jpeg.stream, jpeg.layout)
    assert abs(shown.mean() - np.asarray(picture(40, height)).mean()) < 5


def test_streams_that_give_less_than_they_are_asked_for() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1000))

    data = saved(picture(200, 200), quality=90)
    assert len(data) > 2000
    assert read_jpeg(Trickle(data)).warnings == ()


def test_corrupt_data_is_told() -> None:
    data = bytearray(saved(picture(100, 100), quality=90))
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff\x02" * 20
    warnings = read_jpeg(bytes(data)).warnings
    assert "corrupt data: impossible markers inside the picture" in warnings


def test_max_pixels() -> None:
    data = saved(picture(40, 30))
    assert read_jpeg(data, max_pixels=1200)
    with pytest.raises(UnsupportedJpeg, match="--max-pixels"):
        read_jpeg(data, max_pixels=1199)


def promised(data: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header."""
    start = data.index(b"\xff\xc0") if b"\xff\xc0" in data else data.index(b"\xff\xc9")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return data[: start + 5] + size + data[start + 9 :]


@pytest.mark.parametrize("size", [(65500, 65500), (65500, 3000), (65500, 2000)])
@pytest.mark.parametrize("frame", [0xC0, 0xC9])
def test_a_huge_promise_allocates_nothing(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], frame: int
) -> None:
    monkeypatch.setattr("jpegx.jpeg.file.read_coefficients", None)  # not reached
    data = promised(saved(picture(40, 30)), *size).replace(b"\xff\xc0", bytes((255, frame)))
    with pytest.raises((UnreadableJpeg, UnsupportedJpeg), match=f"{size[0]}x{size[1]}"):
        read_jpeg(data)


def test_too_many_scans() -> None:
    data = saved(picture(800, 800), progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(UnreadableJpeg, match="scans over 800x800"):
        read_jpeg(data[:-2] + scan[:12] * 4000)


def test_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Longer than one segment holds.
    profile = (70_000).to_bytes(4, "big") + srgb[4:] + bytes(70_000 - len(srgb))
    options = {"exif": exif, "icc_profile": profile, "xmp": b"<x:xmpmeta/>", "dpi": (300, 150)}
    metadata = read_jpeg(saved(picture(9, 9), **options)).metadata
    assert metadata.exif == exif.tobytes()[6:]
    assert metadata.icc_profile == profile
    assert metadata.xmp == b"<x:xmpmeta/>"
    assert metadata.dpi == (300, 150)
    assert not metadata.has_iptc


def test_metadata_behind_garbage_is_found() -> None:
    exif = segment(0xE1, Image.Exif().tobytes())
    assert check_with_warnings(JFIF + b"garbage" + exif).metadata.exif


def check_with_warnings(extra: bytes) -> QuantizedJpeg:
    coefficients = random_coefficients(9, 9, FOUR_FOUR_FOUR)
    options: dict[str, Any] = {"width": 9, "height": 9, "factors": FOUR_FOUR_FOUR}
    return read_jpeg(write_jpeg(coefficients, extra=extra, **options), strict=True)


def test_no_torch() -> None:
    code = "import sys; from jpegx.jpeg.file import read_jpeg; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
