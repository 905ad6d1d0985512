"""Encoding with stock libjpeg, and what the binding to C leaves behind."""

import ctypes
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jpegx.errors import JpegxError, PictureMismatch, UnsupportedJpeg
from jpegx.io.capture import captured_stderr
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.reader import libjpeg, library
from jpegx.jpeg.reader.libjpeg import encode
from jpegx.jpeg.tables import scaled_tables

SIZES = [(1, 1), (7, 5), (17, 31), (101, 66)]


def pixels(width: int, height: int, channels: int = 3) -> np.ndarray:
    generator = np.random.default_rng(width)
    noise = generator.integers(-40, 40, (height, width, channels))
    wave = 128 + 90 * np.sin(np.arange(width) / 7)[None, :, None]
    return np.clip(wave + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [10, 75, 100])
def test_color_as_pillow_encodes_it(size: tuple[int, int], subsampling: int, quality: int) -> None:
    picture = pixels(*size)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    jpeg = read_jpeg(file.getvalue())
    found = encode(picture, jpeg.layout, jpeg.tables)
    for ours, theirs in zip(found, jpeg.coefficients, strict=True):
        assert ours.dtype == np.int16
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("size", SIZES)
def test_gray_from_gray_and_from_rgb(size: tuple[int, int]) -> None:
    picture = pixels(*size, channels=1)
    file = io.BytesIO()
    Image.fromarray(picture[..., 0]).save(file, "JPEG", quality=60)
    jpeg = read_jpeg(file.getvalue())
    for source in (picture, np.repeat(picture, 3, axis=2)):
        (found,) = encode(source, jpeg.layout, jpeg.tables)
        assert np.array_equal(found, jpeg.coefficients[0])


def test_rgb_without_color_conversion() -> None:
    picture = pixels(30, 20)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", keep_rgb=True)
    jpeg = read_jpeg(file.getvalue())
    assert jpeg.layout.color_space == "rgb"
    for ours, theirs in zip(
        encode(picture, jpeg.layout, jpeg.tables), jpeg.coefficients, strict=True
    ):
        assert np.array_equal(ours, theirs)


def constant(value: int) -> np.ndarray:
    return np.full((8, 8), value, np.int32)


@pytest.mark.parametrize("h", [1, 2, 3, 4])
@pytest.mark.parametrize("v", [1, 2, 3, 4])
@pytest.mark.parametrize("space", ["ycbcr", "rgb"])
def test_all_whole_sampling_factors(h: int, v: int, space: ColorSpace) -> None:
    layout = Layout(53, 47, space, ((h, v), (1, v), (h, 1)))
    flat = np.empty((47, 53, 3), np.uint8)
    flat[:] = (200, 200, 200)
    found = encode(flat, layout, (constant(4), constant(8), constant(16)))
    for component, array in enumerate(found):
        assert array.shape == (*layout.blocks(component), 8, 8)
        # 8 times the mean above mid-gray, divided by the step.
        expected = 0 if space == "ycbcr" and component else 8 * (200 - 128) // (4 << component)
        assert (array[..., 0, 0] == expected).all()
        assert not array[..., 0, 1:].any()
        assert not array[..., 1:, :].any()


def test_steps_of_16_bits() -> None:
    picture = pixels(40, 40)
    layout = Layout(40, 40, "ycbcr", ((1, 1),) * 3)
    small = encode(picture, layout, (constant(1),) * 3)
    large = encode(picture, layout, (constant(300), constant(1000), constant(65535)))
    for fine, coarse, step in zip(small, large, (300, 1000, 65535), strict=True):
        assert np.abs(fine / step - coarse).max() <= 0.5 + 1 / step


def test_pictures_that_do_not_fit() -> None:
    layout = Layout(8, 9, "ycbcr", ((1, 1),) * 3)
    tables = (constant(5),) * 3
    for picture in (
        np.zeros((8, 9, 3), np.uint8),
        np.zeros((9, 8), np.uint8),
        np.zeros((9, 8, 1), np.uint8),
        np.zeros((9, 8, 4), np.uint8),
        np.zeros((9, 8, 3), np.float32),
    ):
        with pytest.raises(PictureMismatch):
            encode(picture, layout, tables)
    with pytest.raises(ValueError, match="for each component"):
        encode(np.zeros((9, 8, 3), np.uint8), layout, tables[:1])
    fractional = Layout(8, 9, "ycbcr", ((3, 1), (2, 1), (1, 1)))
    with pytest.raises(UnsupportedJpeg, match="fractional"):
        encode(np.zeros((9, 8, 3), np.uint8), fractional, tables)


def test_views_and_other_orders_are_encoded_as_they_look() -> None:
    picture = pixels(30, 20)
    layout = Layout(20, 30, "ycbcr", ((1, 1),) * 3)
    luma, chroma = scaled_tables(75)
    turned = picture.transpose(1, 0, 2)
    for a, b in zip(
        encode(turned, layout, (luma, chroma, chroma)),
        encode(np.ascontiguousarray(turned), layout, (luma, chroma, chroma)),
        strict=True,
    ):
        assert np.array_equal(a, b)


def test_no_temporary_files_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    test_rgb_without_color_conversion()
    assert list(tmp_path.iterdir()) == []


def test_what_c_prints_is_caught(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_stderr() as printed:
        os.write(2, b"from C\n")
        assert printed() == "from C\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_reading_without_a_standard_error() -> None:
    code = (
        "import os, sys; os.close(2); from pathlib import Path;"
        "from jpegx.jpeg.file import read_jpeg;"
        "jpeg = read_jpeg(Path(sys.argv[1]).read_bytes()[:-900]);"
        "sys.exit(len(jpeg.warnings) < 2)"
    )
    example = Path(__file__).parents[1] / "data" / "example.jpg"
    run = subprocess.run([sys.executable, "-c", code, str(example)], check=False)
    assert run.returncode == 0


@pytest.fixture
def not_checked() -> Iterator[None]:
    """As in a process that has read nothing yet."""
    caches = (library._check_version, library.load_library, libjpeg.self_check)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("version", ["1.0.1", "1.1.0", "2.0"])
@pytest.mark.usefixtures("not_checked")
def test_another_jpeglib_is_refused_in_a_line(
    version: str, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "version", lambda name: version)
    with pytest.raises(library.WrongJpeglib, match=rf"jpeglib {version} is installed") as raised:
        read_jpeg(example)
    assert str(raised.value).startswith(f"{example}: ")
    assert str(raised.value).count("pip install") == 1


@pytest.mark.usefixtures("not_checked")
def test_a_library_that_cannot_be_loaded_is_no_full_disk(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise OSError(f"{path}: invalid ELF header")

    monkeypatch.setattr(ctypes, "PyDLL", refuse)
    with pytest.raises(library.WrongJpeglib, match=r"libjpeg 6b .* cannot be loaded"):
        read_jpeg(example)


@pytest.mark.usefixtures("not_checked")
def test_a_full_disk_is_not_blamed_on_jpeglib(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(JpegxError, match=r"no temporary file .*point TMPDIR"):
        read_jpeg(example)


@pytest.mark.usefixtures("not_checked")
def test_a_jpeglib_that_works_otherwise_is_refused(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = libjpeg._encode

    def transposed(*arguments: Any) -> tuple[np.ndarray, ...]:  # noqa: ANN401
        return tuple(grid.swapaxes(2, 3) for grid in right(*arguments))

    monkeypatch.setattr(libjpeg, "_encode", transposed)
    with pytest.raises(library.WrongJpeglib, match="does not work as"):
        read_jpeg(example)
