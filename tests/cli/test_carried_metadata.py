"""What travels from a JPEG file into its PNG files, as other programs read it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from conftest import MakeJpeg, Run
from jpeg_writer import segment

EXIF = b"Exif\0\0"
CAPTION = b"\x1c\x02\x78\x00\x07caption" + b"\x1c\x02\x19\x00\x03key"
IPTC = b"8BIM\x04\x04\0\0" + len(CAPTION).to_bytes(4, "big") + CAPTION
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY = SRGB[:16] + b"GRAY" + SRGB[20:]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    b"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>T\xc3\xa4tel</rdf:li></rdf:Alt></dc:title>"
    b"</rdf:Description></rdf:RDF> <!-- padding -->   </x:xmpmeta>"
)


def with_segments(path: Path, *segments: bytes) -> Path:
    """The file with further segments before all others."""
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"".join(segments) + data[2:])
    return path


@pytest.fixture
def full(make_jpeg: MakeJpeg) -> Path:
    """A file with metadata of every kind that travels."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x829A: 0.5, 0x9003: "2001:02:03 04:05:06"}
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 15.5)}
    options: dict[str, Any] = {"exif": exif, "icc_profile": SRGB, "xmp": XMP, "dpi": (300, 150)}
    photo = make_jpeg("photo.jpg", size=(40, 24), **options)
    return with_segments(
        photo,
        segment(0xED, b"Photoshop 3.0\0" + IPTC),
        segment(0xFE, b"as it is"),
        segment(0xFE, "für 漢".encode()),
    )


def test_metadata_travels(run: Run, full: Path) -> None:
    assert run("decode", full, "-n", 2, "--std-map").exit_code == 0
    with Image.open(full.with_name("photo_0.png")) as picture:
        picture.load()
        assert picture.size == (40, 24)
        assert dict(picture.getexif()) | {0x8769: 0, 0x8825: 0} == {
            0x0112: 6,
            0x010F: "Maker",
            0x8769: 0,
            0x8825: 0,
        }
        assert picture.getexif().get_ifd(0x8769)[0x9003] == "2001:02:03 04:05:06"
        assert picture.info["icc_profile"] == SRGB
        assert picture.info["dpi"] == pytest.approx((300, 150), abs=0.02)
        assert picture.info["XML:com.adobe.xmp"].encode() == XMP
        assert "sample 0 of laplace, seed 0" in picture.info["Description"]
        assert picture.info["Comment"] == "für 漢"
        lines = picture.info["Raw profile type iptc"].split("\n")
        assert (lines[1], int(lines[2])) == ("iptc", len(IPTC))
        assert bytes.fromhex("".join(lines[3:])) == IPTC
    with Image.open(full.with_name("photo_std.png")) as deviation:
        assert deviation.getexif()[0x0112] == 6
        assert not {"icc_profile", "Comment", "XML:com.adobe.xmp"} & set(deviation.info)
        assert "25.5" in deviation.info["Description"]


def test_gray_with_a_profile_for_rgb(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name, profile, mode in (("rgb", SRGB, "RGB"), ("gray", GRAY, "L")):
        photo = make_jpeg(f"{name}.jpg", mode="L", icc_profile=profile)
        result = run("decode", photo, "--mean", "-n", 2, "--std-map")
        assert (result.exit_code, result.stderr) == (0, "")
        with Image.open(tmp_path / f"{name}_0.png") as picture:
            assert (picture.mode, picture.info["icc_profile"]) == (mode, profile)
            pixels = np.asarray(picture.convert("RGB"))
            assert (pixels == pixels[..., :1]).all()
        assert run("verify", photo, tmp_path / f"{name}_0.png").exit_code == 0
        with Image.open(tmp_path / f"{name}_std.png") as deviation:
            assert deviation.mode == "L"


def test_an_aspect_ratio_is_written(run: Run, make_jpeg: MakeJpeg) -> None:
    photo = make_jpeg("a.jpg")
    data = photo.read_bytes()
    at = data.index(b"JFIF\0")
    photo.write_bytes(data[: at + 7] + b"\0\0\2\0\1" + data[at + 12 :])
    assert run("decode", photo).stderr == ""
    written = photo.with_suffix(".png").read_bytes()
    assert b"pHYs\0\0\0\2\0\0\0\1\0" in written


def test_what_is_not_kept_is_one_warning(run: Run, full: Path) -> None:
    extra = (segment(0xE2, b"MPF\0MM"), segment(0xEB, b"JP\0\0..jumb....c2pa"))
    with_segments(full, *extra)
    frame = full.read_bytes()
    result = run("decode", "-", "-o", "-", input=frame * 3)
    assert result.exit_code == 0
    assert result.stderr == (
        "standard input: warning: not kept: an index of further pictures (MPF), a C2PA manifest, "
        "2 further pictures\n"
    )
    shown = run("info", "-", input=frame * 3).stdout
    assert "  also      an index of further pictures (MPF), a C2PA manifest, 2 further" in shown


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        ("webp", "IPTC and the comment are not kept in WebP"),
        ("tif", "the comment is not kept in TIFF"),
        ("png", None),
    ],
)
def test_what_a_format_has_no_place_for_is_a_warning(
    run: Run, full: Path, suffix: str, told: str | None
) -> None:
    out = full.with_name(f"out.{suffix}")
    with Image.open(full) as shown:
        shown.convert("RGB").save(full.with_name("theirs.png"))
    for words in (("decode", full), ("project", full, full.with_name("theirs.png"))):
        result = run(*words, "-o", out)
        assert result.exit_code == 0
        assert result.stderr == (f"{full}: warning: {told}\n" if told else "")
        out.unlink()


def test_info_shows_all_of_it(run: Run, full: Path) -> None:
    shown = run("info", full).stdout
    assert f"ICC profile sRGB built-in, RGB ({len(SRGB):,} bytes)" in shown
    assert "XMP (" in shown
    assert "EXIF (" in shown
    assert f"image resources ({len(IPTC)} bytes), IPTC, 300x150 dpi" in shown
    assert "  comment   as it is\n  comment   für 漢\n" in shown
    told = json.loads(run("info", "--json", full).stdout)
    assert told["comments"] == ["as it is", "für 漢"]
    assert told["iptc"] is True


NOT_OF_THE_METADATA = {
    "SourceFile",
    "System",
    "ExifTool",
    "File",
    "JFIF",
    "PNG",
    "PNG-pHYs",
    "Composite",
    "XMP-x",
}


def read_by_exiftool(path: Path) -> dict[str, object]:
    command = ["exiftool", "-json", "-G1", "-a", "-struct", "-D", str(path)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    # Where the bytes of something lie in a file is no metadata.
    return {
        key: value["val"] if isinstance(value, dict) else value
        for key, value in found.items()
        if key.split(":")[0] not in NOT_OF_THE_METADATA and not key.endswith("Offset")
    }


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_exiftool_reads_the_same_from_both(run: Run, full: Path) -> None:
    assert run("decode", full).exit_code == 0
    before, after = read_by_exiftool(full), read_by_exiftool(full.with_suffix(".png"))
    assert {"IFD0:Make", "IPTC:Keywords", "XMP-dc:Title", "GPS:GPSLatitude"} <= set(before)
    assert after == before


PNG_READERS = {
    "pngcheck": ["pngcheck", "-q"],
    "identify": ["identify", "-regard-warnings"],
    "vips": ["vips", "avg"],
}


@pytest.mark.parametrize("reader", PNG_READERS)
def test_png_readers_accept_it(run: Run, make_jpeg: MakeJpeg, full: Path, reader: str) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"needs {reader}")
    gray = make_jpeg("gray.jpg", mode="L", icc_profile=SRGB)
    own = make_jpeg("own.jpg", mode="L", icc_profile=GRAY)
    foreign = make_jpeg("foreign.jpg", icc_profile=GRAY)
    assert run("decode", full, gray, own, foreign).exit_code == 0
    for path in (full, gray, own, foreign):
        command = [*PNG_READERS[reader], str(path.with_suffix(".png"))]
        result = subprocess.run(command, capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, "")
