"""jpegx explore compat: which encoder made a file from a picture."""

import json
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from PIL import Image

from conftest import Run
from scenes import dead_leaves


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.ascontiguousarray(dead_leaves(5, 64, 80, 500).permute(1, 2, 0).numpy())
    Image.fromarray(pixels).save(tmp_path / "source.png")
    return tmp_path / "source.png"


def written(picture: Path, version: str) -> Path:
    path = picture.parent / f"{version}.jpg"
    with jpeglib.version(version):
        image = jpeglib.from_spatial(np.asarray(Image.open(picture)).copy())
        image.samp_factor = "4:2:0"
        image.write_spatial(str(path), qt=70)
    return path


@pytest.mark.parametrize(
    ("version", "possible"),
    [
        ("6b", {"libjpeg 6b", "libjpeg-turbo"}),
        ("turbo210", {"libjpeg 6b", "libjpeg-turbo"}),
        ("9f", {"libjpeg 9"}),
        ("mozjpeg403", {"mozjpeg"}),
    ],
)
def test_the_encoder_is_found(run: Run, picture: Path, version: str, possible: set[str]) -> None:
    result = run("explore", "compat", written(picture, version), picture, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.output)["facts"]
    same = {k for k, v in facts.items() if k != "units" and not v["units_that_differ"]}
    assert same == possible
    assert facts["units"] == 4 * 5


def test_units_that_differ_are_counted_and_shown(run: Run, picture: Path) -> None:
    file = written(picture, "6b")
    with Image.open(picture) as image:
        changed = image.convert("RGB")
    changed.paste((255, 0, 0), (20, 4, 26, 12))
    other = picture.parent / "other.png"
    changed.save(other)
    map_ = picture.parent / "map.png"
    result = run("explore", "compat", file, other, "-o", map_, "--json")
    assert result.exit_code == 4
    assert json.loads(result.output)["facts"]["libjpeg 6b"]["units_that_differ"] == 1
    with Image.open(map_) as shown:
        colours = np.asarray(shown)
    red = (colours == colours[4, 20]).all(axis=2)
    assert red.sum() == 256
    assert red[:16, 16:32].all()
    assert run("explore", "compat", file, other, "-o", map_).exit_code == 1
    elsewhere = run("explore", "compat", file, other, "--region", "40,0,40x64")
    assert elsewhere.exit_code == 0
    assert "possible, by libjpeg 6b" in elsewhere.output
    small = picture.parent / "small.png"
    changed.crop((0, 0, 9, 9)).save(small)
    assert run("explore", "compat", file, small).exit_code == 1
