"""Forms that hold what no 8-bit RGB picture holds: 0 differ where RGB cannot be exact."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import Run
from foreign_jpegs import from_planes
from jpeg_writer import write_jpeg
from jpegx.consistency.compare_padded import verify_levels, verify_padded
from jpegx.consistency.padded import encode_unclipped, project_unclipped
from jpegx.errors import UnsupportedJpeg
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from layouts import FACTORS, layouts, tables

Factors = tuple[tuple[int, int], ...]


def camera(path: Path, factors: Factors, width: int = 45, height: int = 29) -> Path:
    """A file of loud colours, with padding of noise, as no libjpeg makes it."""
    random = np.random.default_rng(1)
    layout = Layout(width, height, "ycbcr", factors)
    planes = []
    for c in range(3):
        rows, columns = layout.blocks(c)
        low = random.integers(0, 256, (rows, columns)).repeat(8, 0).repeat(8, 1)
        planes.append(np.clip(low + random.normal(0, 9, low.shape), 0, 255).round())
    steps = [np.full((8, 8), 5 + c, np.int32) for c in range(3)]
    jpeg = from_planes(planes, layout, steps)
    data = write_jpeg(jpeg.coefficients, width=width, height=height, factors=factors, tables=steps)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("factors", FACTORS[:3], ids=("444", "422", "420"))
@pytest.mark.parametrize("form", ["--ycbcr", "--float"])
def test_exact_where_rgb_is_not(run: Run, tmp_path: Path, factors: Factors, form: str) -> None:
    jpeg = camera(tmp_path / "camera.jpg", factors)
    rgb = run("decode", jpeg, "-o", tmp_path / "x.png", "--json")
    causes = json.loads(rgb.stdout)["causes"]
    assert rgb.exit_code == 3
    assert causes["gamut"] + causes["padding"] > 9 * causes["search"]
    picture = tmp_path / "x.tif"
    result = run("decode", jpeg, "-o", picture, form, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["different"] == 0
    verified = run("verify", jpeg, picture, "--json")
    assert verified.exit_code == 0
    assert json.loads(verified.stdout)["exact"] is True
    if form == "--ycbcr":  # Pillow does not read colours in 32-bit numbers
        with Image.open(picture) as image:
            assert image.size == (45, 29)
    # Another picture of the same kind is not.
    run("decode", camera(tmp_path / "other.jpg", factors, 45, 28), "-o", tmp_path, form)
    assert run("verify", jpeg, tmp_path / "other.tif").exit_code == 2
    assert run("verify", jpeg, "-", input=picture.read_bytes()).exit_code == 0


def test_a_change_is_seen(run: Run, tmp_path: Path, example: Path) -> None:
    assert run("decode", example, "-o", tmp_path / "x.tif", "--ycbcr", "--seed", 1).exit_code == 0
    Image.open(example).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        tmp_path / "flipped.jpg", quality=15
    )
    result = run("verify", tmp_path / "flipped.jpg", tmp_path / "x.tif", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["components"][0]["different"] > 1000


def test_gray_and_misuse(run: Run, tmp_path: Path, example: Path) -> None:
    Image.open(example).convert("L").crop((0, 0, 37, 21)).save(tmp_path / "gray.jpg")
    for form in ("--ycbcr", "--float"):
        assert run("decode", tmp_path / "gray.jpg", form, "--overwrite").exit_code == 0
        assert run("verify", tmp_path / "gray.jpg", tmp_path / "gray.tif").exit_code == 0
    for words in (("--ycbcr", "--float"), ("--ycbcr", "--no-project")):
        assert run("decode", example, *words).exit_code == 2
    assert run("decode", example, "-o", "x.png", "--ycbcr").exit_code == 2
    assert run("decode", example, "-o", "x.tif", "--format", "png").exit_code == 2


def test_a_sampling_that_tiff_lacks(run: Run, tmp_path: Path) -> None:
    jpeg = camera(tmp_path / "odd.jpg", ((2, 2), (2, 1), (1, 2)))
    result = run("decode", jpeg, "--ycbcr")
    assert result.exit_code == 1
    assert "sampling does not fit into TIFF; use --float" in result.stderr
    assert run("decode", jpeg, "--float").exit_code == 0
    assert run("verify", jpeg, tmp_path / "odd.tif").exit_code == 0


@settings(max_examples=25)
@given(st.data())
def test_anything_has_an_unclipped_picture(data: st.DataObject) -> None:
    layout = data.draw(layouts(40))
    steps = [torch.tensor(t) for t in data.draw(tables(layout))]
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    grids = [
        torch.tensor(random.integers(-30, 31, (*layout.blocks(c), 8, 8)).astype(np.int16))
        for c in range(len(layout.factors))
    ]
    image = torch.full((layout.channels, layout.height, layout.width), 77.0)
    picture = project_unclipped(image, grids, steps, layout)
    found, distances = encode_unclipped(picture, grids, steps, layout)
    for ours, theirs, distance in zip(found, grids, distances, strict=True):
        assert torch.equal(ours, theirs)
        assert distance.max() <= 0.5


def test_fractional_sampling_is_refused() -> None:
    layout = Layout(20, 17, "ycbcr", ((3, 1), (2, 1), (2, 1)))
    grids = tuple(np.zeros((*layout.blocks(c), 8, 8), np.int32) for c in range(3))
    jpeg = QuantizedJpeg(layout, grids, (np.full((8, 8), 9, np.int32),) * 3, "baseline")
    planes = (np.zeros((24, 24), np.uint8),) * 3
    with pytest.raises(UnsupportedJpeg, match="fractional"):
        verify_padded(jpeg, PaddedPicture(planes, (20, 17), "ycbcr", (1, 1), (24, 8)))
    with pytest.raises(UnsupportedJpeg, match="fractional"):
        verify_levels(jpeg, np.zeros((17, 20, 3)))
