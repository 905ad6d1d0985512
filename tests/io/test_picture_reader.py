"""Pictures of all kinds, good and bad, through the one reader."""

import io
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from conftest import Run
from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.io.picture_reader import read_comparable, read_rgb

PIXELS = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
FORMATS: dict[str, dict[str, object]] = {
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
    "BMP": {},
    "PPM": {},
    "JPEG2000": {},
    "JPEG": {"quality": 100},
    "GIF": {},
}
if features.check("avif"):
    FORMATS["AVIF"] = {}


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    options = {**FORMATS[kind], **options}
    Image.fromarray(PIXELS).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "whatever.it.is"
    path.write_bytes(saved(kind))
    pixels = read_rgb(path)
    assert pixels.shape == (20, 30, 3)
    assert pixels.dtype == np.uint8
    assert (read_comparable(path, "name", (30, 20)) == pixels).all()
    if kind not in ("JPEG", "GIF", "AVIF"):
        assert (pixels == PIXELS).all()


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 30 20
(MARKER) (w) file closefile
showpage
"""


def test_nothing_is_handed_to_another_program(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("gs", "gswin64c", "xdg-open", "djpeg"):
        (tools / name).write_text(f"#!/bin/sh\ntouch '{started}'\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    evil = tmp_path / "originals" / "evil.png"
    evil.parent.mkdir()
    evil.write_bytes(EPS)
    (tmp_path / "a.jpg").write_bytes(saved("JPEG"))
    assert run("verify", tmp_path / "a.jpg", evil).exit_code == 2
    assert run("eval", evil.parent, "--quality", "50", "--model", "standard").exit_code == 1
    recipe = ("train", "--data", evil.parent, "-o", tmp_path / "run", "--max-minutes", "1")
    assert run(*recipe).exit_code == 1
    assert not started.exists()


@pytest.mark.parametrize("kind", ["DDS", "PCX", "TGA", "SGI", "EPS", "PDF", "ICNS"])
def test_other_formats_are_not_opened(tmp_path: Path, kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, kind)
    path = tmp_path / "a.png"
    path.write_bytes(stream.getvalue())
    with pytest.raises(UnreadablePicture, match="not a picture of a known format"):
        read_rgb(path)


def one_line(path: Path) -> str:
    try:
        read_rgb(path)
    except UnreadablePicture as error:
        text = str(error)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
        return text.removeprefix(f"{path}: ")
    return ""


@pytest.mark.parametrize("kind", FORMATS)
def test_every_exception_of_a_reader_is_one_line(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a"
    data = saved(kind)
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(60):
        broken = bytearray(data[: random.integers(4, len(data))])
        for place in random.integers(4, max(5, len(broken)), 3):
            if place < len(broken):
                broken[place] = random.integers(256)
        path.write_bytes(broken)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refused += bool(one_line(path))
    assert refused > 10
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=200), st.sampled_from(sorted(FORMATS)), st.integers(0, 40))
def test_a_beginning_and_then_anything(noise: bytes, kind: str, kept: int) -> None:
    stream = io.BytesIO(saved(kind)[:kept] + noise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_comparable(stream, "name", (30, 20))
        except (UnreadablePicture, PictureMismatch) as error:
            assert str(error).startswith("name: ")  # noqa: PT017


def broken_tiff() -> bytes:
    """A TIFF whose strips lie beyond its end, which libtiff has words for."""
    data = bytearray(saved("TIFF", compression="tiff_lzw"))
    del data[60:400]
    return bytes(data)


def test_what_libtiff_prints_is_dropped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(broken_tiff())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert one_line(path)
    assert capfd.readouterr() == ("", "")


def test_devices_and_pipes(tmp_path: Path) -> None:
    for device in ("/dev/zero", "/dev/urandom", "/dev/null"):
        with pytest.raises(UnreadablePicture, match="known format"):
            read_rgb(Path(device))
    reading, writing = os.pipe()
    os.write(writing, saved("PNG"))
    os.close(writing)
    assert (read_rgb(Path(f"/dev/fd/{reading}")) == PIXELS).all()
    os.close(reading)


def test_too_large_before_anything_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    header = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0)
    path.write_bytes(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header)
    assert "60000x60000" in one_line(path)
    with pytest.raises(PictureMismatch, match="60000x60000"):
        read_comparable(path, "name", (30, 20))


def test_deep_pictures(tmp_path: Path) -> None:
    deep = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert (read_rgb(tmp_path / "a.png") == (deep >> 8)[..., None]).all()
    Image.fromarray(deep.astype(np.float32)).save(tmp_path / "b.tif")
    assert "more than 16 bits" in one_line(tmp_path / "b.tif")


def test_missing_and_forbidden(tmp_path: Path) -> None:
    assert one_line(tmp_path / "missing.png") == "No such file or directory; check the name"
    assert one_line(tmp_path) == "Is a directory; name a file"
