"""The command jpegx info."""

import json
from pathlib import Path

import pytest

from conftest import MakeJpeg, Run
from jpegx.jpeg.describe import sampling_name
from jpegx.jpeg.layout import Layout


def test_text(run: Run, make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("photo.jpg", size=(40, 30), quality=75, dpi=(72, 72), progressive=True)
    result = run("info", path)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == str(path)
    for line in (
        "  colour    YCbCr",
        "  sampling  4:2:0 (2x2,1x1,1x1)",
        "  coding    progressive, 10 scans",
        "  quality   75 (IJG)",
        "  metadata  72 dpi",
        "  steps     of Cb, Cr:",
    ):
        assert line in lines
    assert lines[1].startswith("  size      40x30 (0.001 megapixels), ")


def test_json(run: Run, make_jpeg: MakeJpeg) -> None:
    paths = [make_jpeg("a.jpg"), make_jpeg("b.jpg", mode="L", quality=50)]
    first, second = map(json.loads, run("info", "--json", *paths).stdout.splitlines())
    assert first["file"] == str(paths[0])
    assert (first["width"], first["height"]) == (24, 16)
    assert first["factors"] == [[2, 2], [1, 1], [1, 1]]
    assert first["file_size"] == paths[0].stat().st_size
    assert first["bits_per_pixel"] == round(8 * first["file_size"] / (24 * 16), 3)
    assert (second["color"], second["sampling"]) == ("grayscale", "1x1")
    assert (second["quality"], second["quality_exact"]) == (50, True)
    assert second["tables"]["Y"][0][:3] == [16, 11, 10]
    assert second["warnings"] == []


def test_standard_input(run: Run, make_jpeg: MakeJpeg) -> None:
    result = run("info", "-", input=make_jpeg("a.jpg").read_bytes())
    assert result.exit_code == 0
    assert result.stdout.startswith("standard input\n")
    assert run("info", "-", "-").exit_code == 2


def test_bad_files_are_one_line_each_and_the_rest_is_done(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    good = make_jpeg("good.jpg")
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    result = run("info", tmp_path / "missing.jpg", text, good)
    assert result.exit_code == 1
    assert str(good) in result.stdout
    errors = result.stderr.splitlines()
    assert len(errors) == 2
    assert "missing.jpg: No such file or directory; check the name" in errors[0]
    assert "notes.txt: not a JPEG file" in errors[1]


def test_damage_is_shown(run: Run, make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("cut.jpg", size=(200, 200))
    path.write_bytes(path.read_bytes()[:-700])
    result = run("info", path)
    assert result.exit_code == 0
    assert "  warning   truncated: the end-of-image marker is missing" in result.stdout


def test_max_pixels(run: Run, make_jpeg: MakeJpeg) -> None:
    result = run("info", "--max-pixels", 100, make_jpeg("a.jpg"))
    assert result.exit_code == 1
    assert "--max-pixels" in result.stderr


@pytest.mark.parametrize(
    ("factors", "name"),
    [
        (((1, 1), (1, 1), (1, 1)), "4:4:4 (1x1,1x1,1x1)"),
        (((2, 1), (1, 1), (1, 1)), "4:2:2 (2x1,1x1,1x1)"),
        (((2, 2), (1, 1), (1, 1)), "4:2:0 (2x2,1x1,1x1)"),
        (((1, 2), (1, 1), (1, 1)), "4:4:0 (1x2,1x1,1x1)"),
        (((4, 1), (1, 1), (1, 1)), "4:1:1 (4x1,1x1,1x1)"),
        (((4, 2), (1, 1), (1, 1)), "4:1:0 (4x2,1x1,1x1)"),
        (((2, 2), (2, 1), (1, 1)), "2x2,2x1,1x1"),
        (((3, 1), (1, 1), (1, 1)), "3x1,1x1,1x1"),
        (((3, 1), (2, 1), (1, 1)), "3x1,2x1,1x1"),
        (((1, 1), (2, 2), (2, 2)), "1x1,2x2,2x2"),
    ],
)
def test_sampling_names(factors: tuple[tuple[int, int], ...], name: str) -> None:
    assert sampling_name(Layout(64, 64, "ycbcr", factors)) == name


def test_folders(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("in/a.jpg", "in/deep/b.jpg", "in/._a.jpg"):
        make_jpeg(name)
    flat = run("info", tmp_path / "in")
    assert [line for line in flat.stdout.splitlines() if line[0] != " "] == [
        str(tmp_path / "in" / "a.jpg")
    ]
    deep = run("info", "-r", "--json", tmp_path / "in")
    assert [json.loads(line)["file"] for line in deep.stdout.splitlines()] == [
        str(tmp_path / "in" / name) for name in ("a.jpg", "deep/b.jpg")
    ]
    (tmp_path / "empty").mkdir()
    empty = run("info", tmp_path / "empty")
    assert (empty.exit_code, empty.stdout) == (1, "")


def test_kinds_that_are_not_decoded(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    cmyk = make_jpeg("cmyk.jpg", mode="CMYK", dpi=(72, 72))
    assert run("decode", cmyk, "-o", tmp_path / "out").exit_code == 1
    result = run("info", cmyk)
    assert (result.exit_code, result.stderr) == (0, "")
    for line in (
        "  refused   CMYK and YCCK JPEG are not supported: pictures are written as gray or RGB; "
        "keep it as it is, jpegx info shows what it holds",
        "  colour    CMYK, inverted as Adobe writes it",
        "  sampling  1x1,1x1,1x1,1x1",
        "  coding    baseline, 1 scan",
        "  steps     of 1, 2, 3, 4:",
    ):
        assert line in result.stdout.splitlines()
    gray = make_jpeg("gray.jpg", mode="L").read_bytes()
    at = gray.index(b"\xff\xc0")
    scan = gray.index(b"\xff\xda")
    deep = gray[: at + 1] + b"\xc1" + gray[at + 2 : at + 4] + b"\x0c" + gray[at + 5 :]
    lossless = gray[: at + 1] + b"\xc3" + gray[at + 2 : scan + 7] + b"\4" + gray[scan + 8 :]
    (tmp_path / "deep.jpg").write_bytes(deep)
    (tmp_path / "lossless.jpg").write_bytes(lossless)
    told = [
        json.loads(run("info", "--json", tmp_path / f"{name}.jpg").stdout)
        for name in ("deep", "lossless")
    ]
    assert [entry["coding"] for entry in told] == ["extended", "lossless, predictor 4"]
    assert [entry["precision"] for entry in told] == [12, 8]
    assert all("convert it" not in entry["refused"] for entry in told)
    assert all(entry["width"] == 24 for entry in told)
