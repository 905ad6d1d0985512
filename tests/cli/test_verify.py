"""jpegx verify as its users run it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import MakeJpeg, Run


def test_decoded_pictures_are_exact(run: Run, example: Path, tmp_path: Path) -> None:
    assert run("decode", example, "-n", 2, "--mean", "-o", tmp_path).exit_code == 0
    pictures = sorted(tmp_path.glob("*.png"))
    result = run("verify", example, *pictures)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        f"{picture}: exact, consistency RMSE 0.0000" for picture in pictures
    ]
    assert lines[1].startswith("  Y  0 of 98304 coefficients differ, largest distance 0.")
    assert lines[2].startswith("  Cb 0 of 24576 coefficients differ")


def test_another_picture_is_not(run: Run, example: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (384, 256), "teal").save(other)
    result = run("verify", example, other)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{other}: not exact, consistency RMSE ")


def test_json(run: Run, example: Path, tmp_path: Path) -> None:
    assert run("decode", example, "-o", tmp_path / "a.png").exit_code == 0
    result = run("verify", example, tmp_path / "a.png", "--json")
    assert result.exit_code == 0
    entry = json.loads(result.stdout)
    assert entry["jpeg"] == str(example)
    assert entry["picture"] == str(tmp_path / "a.png")
    assert (entry["exact"], entry["consistency_rmse"]) == (True, 0)
    assert [component["name"] for component in entry["components"]] == ["Y", "Cb", "Cr"]
    assert {"different", "total", "largest_distance"} <= set(entry["components"][0])


def test_worst_exit_code_wins_and_all_are_done(run: Run, example: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    assert run("decode", example, "-o", good).exit_code == 0
    Image.new("RGB", (384, 256)).save(bad)
    result = run("verify", example, tmp_path / "missing.png", bad, good, "--json")
    assert result.exit_code == 2
    assert (
        result.stderr == f"{tmp_path / 'missing.png'}: No such file or directory; check the name\n"
    )
    assert [json.loads(line)["exact"] for line in result.stdout.splitlines()] == [False, True]


def test_names_that_cannot_be_looked_up_are_no_answer(run: Run, example: Path) -> None:
    name = "x" * 300
    for words in (("verify", example, name), ("verify", name, example)):
        result = run(*words)
        assert result.exit_code == 2  # 1 would say that coefficients differ
        assert result.stderr == f"{name}: File name too long; give a shorter name\n"
    for others in (("info", name), ("project", name, example), ("project", example, name)):
        result = run(*others)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{name}: ")
        assert result.stderr.endswith(": File name too long; give a shorter name\n")


@pytest.mark.parametrize("kind", ["tiff", "gif"])
def test_of_several_pictures_the_first_is_compared(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, kind: str
) -> None:
    photo, several = make_jpeg("a.jpg", mode="L"), tmp_path / f"several.{kind}"
    assert run("decode", photo).exit_code == 0
    with Image.open(photo.with_suffix(".png")) as first:
        first.save(several, save_all=True, append_images=[Image.new("L", first.size, 9)])
        first.save(tmp_path / f"one.{kind}")
    line = "warning: it holds several pictures; the first is compared\n"
    result = run("verify", photo, several, tmp_path / f"one.{kind}")
    assert (result.exit_code, result.stderr) == (0, f"{several}: {line}")
    result = run("verify", photo, "-", input=several.read_bytes())
    assert (result.exit_code, result.stderr) == (0, f"standard input: {line}")


def test_standard_input(run: Run, example: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    assert run("decode", example, "-o", picture).exit_code == 0
    assert run("verify", example, "-", input=picture.read_bytes()).exit_code == 0
    assert run("verify", "-", picture, input=example.read_bytes()).exit_code == 0
    assert run("verify", "-", "-").exit_code == 2


Change = Callable[[Image.Image], Image.Image]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a.webp", lambda image: image),
        ("a.tif", lambda image: image),
        ("a.bmp", lambda image: image),
        ("opaque.png", lambda image: image.convert("RGBA")),
    ],
)
def test_formats(run: Run, example: Path, tmp_path: Path, name: str, change: Change) -> None:
    assert run("decode", example, "-o", tmp_path / "x.png").exit_code == 0
    with Image.open(tmp_path / "x.png") as image:
        change(image).save(tmp_path / name, lossless=True)
    assert run("verify", example, tmp_path / name).exit_code == 0


def test_gray_in_other_dress(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    gray = make_jpeg("gray.jpg", mode="L")
    assert run("decode", gray, "-o", tmp_path / "x.png").exit_code == 0
    with Image.open(tmp_path / "x.png") as image:
        for mode in ("RGB", "P", "LA", "RGBA"):
            image.convert(mode).save(tmp_path / "other.png")
            assert run("verify", gray, tmp_path / "other.png").exit_code == 0, mode
    Image.new("L", (384, 256), 77).save(tmp_path / "flat.png")
    Image.new("RGB", (384, 256), (77, 77, 77)).save(tmp_path / "flat.jpg", quality=50)
    assert run("verify", tmp_path / "flat.jpg", tmp_path / "flat.png").exit_code == 0


def _save_deep_ppm(path: Path, width: int, height: int, most: int) -> None:
    pixels = np.full((height, width, 3), most // 2, np.uint16)
    path.write_bytes(b"P6 %d %d %d\n" % (width, height, most) + pixels.astype(">u2").tobytes())


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (Image.new("RGB", (383, 256)), "383x256 pixels, the JPEG file 384x256"),
        (Image.new("RGBA", (384, 256), (1, 2, 3, 254)), "transparent"),
        (Image.new("I;16", (384, 256)), "8 bits"),
        (Image.new("CMYK", (384, 256)), "CMYK"),
    ],
)
def test_pictures_that_cannot_be_compared(
    run: Run, example: Path, tmp_path: Path, picture: Image.Image, reason: str
) -> None:
    path = tmp_path / "picture.tif"
    picture.save(path)
    result = run("verify", example, path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}: ")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("most", [1023, 4095, 65535])
def test_deep_colour_is_not_cut_down(run: Run, example: Path, tmp_path: Path, most: int) -> None:
    path = tmp_path / "deep.ppm"
    _save_deep_ppm(path, 384, 256, most)
    result = run("verify", example, path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "8 bits" in result.stderr


def test_colour_source_of_a_gray_file(run: Run, tmp_path: Path) -> None:
    source = Image.effect_noise((30, 20), 60).convert("RGB")
    source.paste("orange", (5, 5, 20, 15))
    source.save(tmp_path / "source.png")
    source.convert("L").save(tmp_path / "gray.jpg")
    assert run("verify", tmp_path / "gray.jpg", tmp_path / "source.png").exit_code == 0
    Image.new("RGB", (30, 20), "red").save(tmp_path / "red.png")
    assert run("verify", tmp_path / "gray.jpg", tmp_path / "red.png").exit_code == 1


def test_broken_files(run: Run, example: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    Image.effect_noise((384, 256), 50).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    for arguments in ((example, path), (path, path), (tmp_path / "missing", path)):
        result = run("verify", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1


def test_two_folders(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    for name in ("a.jpg", "a_0.jpg", "deep/b.jpg", "..jpg"):
        make_jpeg(f"in/{name}")
    jpegs, pictures = tmp_path / "in", tmp_path / "out"
    assert run("decode", jpegs / "a_0.jpg", "-o", pictures).exit_code == 0
    options = ("-n", 2, "--mean", "--std-map", "-r", "-o", pictures)
    assert run("decode", jpegs / "deep", *options, "--relative-to", jpegs).exit_code == 0
    assert run("decode", jpegs / "..jpg", "-o", pictures).exit_code == 0
    (pictures / "a_0.png").rename(pictures / "a_0.tmp")
    assert run("decode", jpegs / "a.jpg", *options).exit_code == 0
    (pictures / "a_0.png").unlink()
    (pictures / "a_0.tmp").rename(pictures / "a_0.png")

    result = run("verify", jpegs, pictures, "-r")
    assert result.exit_code == 0
    said = [line.split(": ")[0] for line in result.stdout.splitlines() if line[0] != " "]
    names = [".", "a_1", "a_mean", "a_0", "deep/b_0", "deep/b_1", "deep/b_mean"]
    assert said == [str(pictures / f"{name}.png") for name in names]
    assert result.stderr == (
        "jpegx: 4 files, 7 pictures exact, 0 not exact, 0 unreadable, 0 files without a picture\n"
    )

    Image.new("RGB", (24, 16)).save(pictures / "a_1.png")
    assert run("verify", jpegs, pictures).exit_code == 1
    Image.new("RGB", (24, 16)).save(pictures / "stray.png")
    make_jpeg("in/lonely.jpg")
    (pictures / "a_mean.png").write_bytes(b"")
    result = run("verify", jpegs, pictures, "--json")
    assert result.exit_code == 2
    assert [json.loads(line)["exact"] for line in result.stdout.splitlines()].count(False) == 1
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{pictures / 'a_mean.png'}: ")
    assert lines[1:] == [
        f"{jpegs / 'lonely.jpg'}: no picture of it in {pictures}",
        f"{pictures / 'stray.png'}: no file in {jpegs} is named like it",
        "jpegx: 4 files, 2 pictures exact, 1 not exact, 1 unreadable, 1 files without a picture",
    ]


def test_pictures_beside_their_files(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("a.jpg")
    assert run("decode", tmp_path).exit_code == 0
    result = run("verify", tmp_path, tmp_path)
    assert result.exit_code == 0
    assert "1 pictures exact" in result.stderr


@pytest.mark.parametrize("arguments", [("F", "a.jpg"), ("a.jpg", "F"), ("F", "F", "F")])
def test_a_folder_and_files_is_wrong(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    make_jpeg("a.jpg")
    paths = [tmp_path if name == "F" else tmp_path / name for name in arguments]
    result = run("verify", *paths)
    assert result.exit_code == 2
    assert "two folders" in result.stderr
