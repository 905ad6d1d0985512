"""The formats that pictures are written in, their names, and what is told without writing them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import MakeJpeg, Run
from jpegx.io.any_picture import read_any_picture

FORMATS = {
    "png": ".png",
    "png16": ".png",
    "tiff": ".tif",
    "tiff16": ".tif",
    "webp": ".webp",
    "jxl": ".jxl",
}
SIZE = (43, 21)


def decoded(run: Run, jpeg: Path, kind: str) -> Path:
    if kind == "jxl":
        pytest.importorskip("pillow_jxl")
    made = jpeg.with_name(f"{kind}{FORMATS[kind]}")
    result = run("decode", jpeg, "--format", kind, "-o", made)
    assert (result.exit_code, result.stderr) == (0, "")
    return made


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_exact(run: Run, make_jpeg: MakeJpeg, kind: str, mode: str) -> None:
    jpeg = make_jpeg("photo.jpg", size=SIZE, mode=mode)
    made = decoded(run, jpeg, kind)
    result = run("verify", jpeg, made, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["exact"] is True
    assert max(part["largest_distance"] for part in told["components"]) <= 0.5


def by_pillow(path: Path, deep: bool) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def by_imagemagick(path: Path, deep: bool) -> np.ndarray:
    return of_program(["convert", str(path), "-depth", "16" if deep else "8", "rgb:-"], deep)


def by_vips(path: Path, deep: bool) -> np.ndarray:
    raw = path.with_suffix(".raw")
    subprocess.run(["vips", "rawsave", str(path), str(raw)], check=True, capture_output=True)
    return np.frombuffer(raw.read_bytes(), np.uint16 if deep else np.uint8)


def of_program(words: list[str], deep: bool) -> np.ndarray:
    result = subprocess.run(words, check=True, capture_output=True)
    return np.frombuffer(result.stdout, np.uint16 if deep else np.uint8)


@pytest.mark.parametrize(
    ("program", "read"), [("pillow", by_pillow), ("convert", by_imagemagick), ("vips", by_vips)]
)
@pytest.mark.parametrize("kind", FORMATS)
def test_other_programs_read_it(
    run: Run,
    make_jpeg: MakeJpeg,
    kind: str,
    program: str,
    read: Callable[[Path, bool], np.ndarray],
) -> None:
    if program != "pillow" and shutil.which(program) is None:
        pytest.skip(f"no {program}")
    if program == "convert" and kind == "jxl":
        pytest.skip("ImageMagick 6 may lack JPEG XL")
    deep = kind.endswith("16")
    if program == "pillow" and deep:
        pytest.skip("Pillow has no colour of 16 bits")
    made = decoded(run, make_jpeg("photo.jpg", size=SIZE), kind)
    ours = read_any_picture(made, str(made), SIZE)
    assert isinstance(ours, np.ndarray)
    assert np.array_equal(read(made, deep).ravel(), ours.ravel())


def test_sixteen_bits_hold_more_than_eight(run: Run, make_jpeg: MakeJpeg) -> None:
    jpeg = make_jpeg("photo.jpg", size=SIZE)
    deep = read_any_picture(decoded(run, jpeg, "png16"), "x", SIZE)
    assert isinstance(deep, np.ndarray)
    assert len(np.unique(deep)) > 1000
    strips = read_any_picture(decoded(run, jpeg, "tiff16"), "x", SIZE)
    assert np.array_equal(np.asarray(strips), deep)


def test_sixteen_bits_of_others_are_projected(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    jpeg = make_jpeg("photo.jpg", size=SIZE)
    made = decoded(run, jpeg, "png16")
    result = run("project", jpeg, made, "--format", "tiff16", "-o", tmp_path / "x.tif", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["outside"], told["different"]) == (0, 0)
    assert told["rmse_moved"] < 1e-3
    result = run("project", jpeg, made, "-o", tmp_path / "x.webp", "--json")
    assert 0 < json.loads(result.stdout)["rmse_moved"] < 1
    assert run("verify", jpeg, tmp_path / "x.webp", tmp_path / "x.tif").exit_code == 0


def test_the_mean_of_deep_samples(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    jpeg = make_jpeg("photo.jpg", size=SIZE)
    words = ("-n", 2, "--mean", "--std-map", "--format", "tiff16", "-o", tmp_path / "out")
    assert run("decode", jpeg, *words).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["photo_0.tif", "photo_1.tif", "photo_mean.tif", "photo_std.png"]
    pictures = [tmp_path / "out" / name for name in names[:3]]
    assert run("verify", jpeg, *pictures).exit_code == 0


def test_the_ending_says_the_format(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    jpeg = make_jpeg("photo.jpg")
    for name, kind in (("a.TIFF", "TIFF"), ("a.webp", "WEBP"), ("a.PNG", "PNG")):
        assert run("decode", jpeg, "-o", tmp_path / name).exit_code == 0
        with Image.open(tmp_path / name) as image:
            assert image.format == kind


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "png", "-o", "x.tif"),
        ("--format", "webp", "-o", "x.png"),
        ("--ycbcr", "--format", "png"),
        ("--float", "-o", "x.png"),
        ("--format", "png16", "--no-project"),
        ("--format", "bmp"),
        ("-o", "x.bmp"),
        ("-o", "{stem}.tif", "--format", "png"),
        (
            "-o",
            "{nonsense}/{stem}.png",
        ),
        ("-o", "{dir}/x.png"),
        ("-o", "{stem}.png", "-n", "2"),
        ("-o", "{stem}_{sample}.tif", "-n", "2", "--std-map"),
        ("-o", "{stem}"),
    ],
)
def test_what_does_not_go_together(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert run("decode", make_jpeg("photo.jpg"), *words).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_names_by_template(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("a/x.jpg")
    make_jpeg("b/x.jpg")
    template = "{dir}/made/{stem}-{model}-{seed}-{sample}.{ext}"
    words = ("-n", 2, "--mean", "--std-map", "--seed", 7, "--format", "webp", "-o", template)
    result = run("decode", tmp_path / "a", tmp_path / "b", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    for folder in ("a", "b"):
        names = sorted(path.name for path in (tmp_path / folder / "made").iterdir())
        assert names == [
            f"x-laplace-7-{what}" for what in ("0.webp", "1.webp", "mean.webp", "std.png")
        ]
    result = run("decode", tmp_path / "a", tmp_path / "b", "-o", f"{tmp_path}/{{stem}}.png")
    assert result.exit_code == 1
    assert "already the output of" in result.stderr


def test_dry_run(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    make_jpeg("in/a.jpg")
    make_jpeg("in/b.jpg")
    out = tmp_path / "out"
    assert run("decode", tmp_path / "in/a.jpg", "-o", out).exit_code == 0
    words = ("decode", tmp_path / "in", "-o", out, "--dry-run")
    a, b = tmp_path / "in/a.jpg", tmp_path / "in/b.jpg"
    for option, note in (("--skip-existing", "skipped"), ("--overwrite", "replaced")):
        result = run(*words, option)
        assert result.exit_code == 0
        assert note in result.stdout.splitlines()[0]
        assert result.stdout.splitlines()[1] == f"{b} -> {out / 'b.png'}"
    rows = [json.loads(line) for line in run(*words, "--json").stdout.splitlines()]
    assert rows == [
        {"input": str(a), "outputs": [str(out / "a.png")], "existing": [str(out / "a.png")]},
        {"input": str(b), "outputs": [str(out / "b.png")], "existing": []},
    ]
    assert [path.name for path in out.iterdir()] == ["a.png"]
    assert run(*words, tmp_path / "missing.jpg").exit_code == 1


def test_webp_has_a_largest_side(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    jpeg = make_jpeg("wide.jpg", size=(16384, 8), mode="L")
    result = run("decode", jpeg, "--format", "webp")
    assert result.exit_code == 1
    assert "16383" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wide.jpg"]
