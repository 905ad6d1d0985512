"""Proofs that no 8-bit picture is exact: found where there is none, never where there is one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foreign_jpegs import from_planes
from jpegx.consistency.causes import Causes
from jpegx.consistency.certificates import Certificates
from jpegx.consistency.colour_sums import ColourSums
from jpegx.consistency.exact import Projector
from jpegx.consistency.units import UnitModel
from jpegx.jpeg import mcu
from jpegx.jpeg.color import change_before_rounding, to_integer_components
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from layouts import FACTORS, layouts, pictures, tables


def causes_of(jpeg: QuantizedJpeg, *, certify: bool = False) -> list[int]:
    """The cause of each unit of a file."""
    grids = [torch.tensor(c).flatten(-2)[None] for c in jpeg.coefficients]
    steps = [torch.tensor(t) for t in jpeg.tables]
    causes: list[int] = []
    for region in mcu.regions(jpeg.layout):
        model = UnitModel(region, steps, torch.device("cpu"))
        quantized = model.cell(region, grids).quantized
        causes += Certificates(model).causes(quantized, certify=certify).tolist()
    return causes


def project(jpeg: QuantizedJpeg) -> Causes:
    """What of a gray start cannot be made exact."""
    coefficients = [torch.tensor(c) for c in jpeg.coefficients]
    projector = Projector(coefficients, [torch.tensor(t) for t in jpeg.tables], jpeg.layout)
    shape = (jpeg.layout.channels, jpeg.layout.height, jpeg.layout.width)
    return projector(torch.full(shape, 128.0)).causes


@settings(max_examples=40)
@given(st.data())
def test_no_proof_against_what_exists(data: st.DataObject) -> None:
    layout = data.draw(layouts(40))
    pixels = data.draw(pictures(layout))
    steps = data.draw(tables(layout, most=data.draw(st.sampled_from((1, 3, 20, 255)))))
    jpeg = QuantizedJpeg(layout, libjpeg.encode(pixels, layout, tuple(steps)), tuple(steps), "")
    assert not any(causes_of(jpeg))


@settings(max_examples=12)
@given(st.data())
def test_no_exact_gap_proves_against_what_exists(data: st.DataObject) -> None:
    layout = data.draw(layouts(17).filter(lambda layout: max(map(max, layout.factors)) < 3))
    pixels = data.draw(pictures(layout))
    if data.draw(st.booleans()):  # colours at the corners of the cube, and a level from them
        pixels = np.where(pixels > 127, 255 - pixels % 2, pixels % 2).astype(np.uint8)
    steps = data.draw(tables(layout, most=data.draw(st.sampled_from((1, 3, 20)))))
    jpeg = QuantizedJpeg(layout, libjpeg.encode(pixels, layout, tuple(steps)), tuple(steps), "")
    assert not any(causes_of(jpeg, certify=True))


def test_colour_sums_bound_every_colour() -> None:
    random = torch.Generator().manual_seed(0)
    layout = Layout(8, 8, "ycbcr", FACTORS[0])
    weights = torch.randn(500, 3, 1, generator=random).double()
    mix = change_before_rounding(torch.eye(3)[:, :, None], layout)[:, :, 0].double()
    ends = torch.zeros(1), torch.full((1,), 255.0)
    sums = ColourSums(layout, weights, mix @ weights, *ends)
    levels = torch.tensor([0, 1, 2, 5, 6, 9, 128, 246, 250, 254, 255])
    colours = torch.cartesian_prod(levels, levels, levels).T[None].float()
    held = to_integer_components(colours, layout)[0].double()
    largest = (weights[:, :, 0] @ held).amax(dim=1)
    tight, (loose, _) = sums.tight(), sums.most()
    assert (tight >= largest - 1e-9).all()
    assert (tight <= loose + 1e-9).all()
    assert (tight - largest).median() < 1e-9 < (loose - largest).median()


def photo(example: Path, width: int, height: int) -> Image.Image:
    size = (307, 205)
    picture = Image.open(example).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return picture.crop((120, 20, 120 + width, 20 + height))


def planes_of(picture: Image.Image, layout: Layout) -> list[np.ndarray]:
    """Y, Cb, Cr of a picture whose sides are whole units, as an encoder down-samples them."""
    components = np.asarray(picture.convert("YCbCr"), np.float64)
    planes = []
    for c in range(3):
        across, down = layout.reduction(c)
        height, width = layout.height // down, layout.width // across
        plane = components[..., c].reshape(height, down, width, across).mean(axis=(1, 3))
        planes.append(plane)
    return planes


@pytest.mark.parametrize("factors", FACTORS[:3], ids=("444", "422", "420"))
def test_chroma_of_a_camera(example: Path, factors: tuple[tuple[int, int], ...]) -> None:
    layout = Layout(64, 48, "ycbcr", factors)
    planes = planes_of(photo(example, 64, 48), layout)
    vivid = [planes[0], *(128 + (p - 128) * 3 for p in planes[1:])]
    strong = [planes[0], *(128 + (p - 128) * 1.3 for p in vivid[1:])]
    steps = [np.full((8, 8), 5, np.int32)] * 3
    causes = project(from_planes([p.clip(0, 255).round() for p in strong], layout, steps))
    assert causes.gamut > 9 * causes.search
    assert causes.padding == 0
    # The same photo without stronger colours.
    assert project(from_planes([p.round() for p in planes], layout, steps)).total == 0


@pytest.mark.parametrize("padding", ["replicated", "zero", "mirrored"])
def test_padding(example: Path, padding: str) -> None:
    layout = Layout(60, 43, "ycbcr", FACTORS[0])
    picture = np.asarray(photo(example, 60, 43).convert("YCbCr"))
    margin = ((0, 5), (0, 4))
    modes = {"replicated": "edge", "zero": "constant", "mirrored": "reflect"}
    planes = [np.pad(picture[..., c], margin, modes[padding]) for c in range(3)]  # type: ignore[call-overload]
    causes = project(from_planes(planes, layout, [np.full((8, 8), 4, np.int32)] * 3))
    assert causes.gamut == causes.search == 0
    assert (causes.padding == 0) == (padding == "replicated")


@pytest.mark.parametrize("step", [2, 3])
def test_small_steps(example: Path, step: int) -> None:
    pixels = np.asarray(photo(example, 61, 47))
    layout = Layout(61, 47, "ycbcr", FACTORS[2])
    steps = (np.full((8, 8), step, np.int32),) * 3
    jpeg = QuantizedJpeg(layout, libjpeg.encode(pixels, layout, steps), steps, "baseline")
    assert project(jpeg).total == 0


def test_steps_of_1_miss_few(example: Path) -> None:
    pixels = np.asarray(photo(example, 64, 48))
    layout = Layout(64, 48, "ycbcr", FACTORS[2])
    steps = (np.ones((8, 8), np.int32),) * 3
    jpeg = QuantizedJpeg(layout, libjpeg.encode(pixels, layout, steps), steps, "baseline")
    causes = project(jpeg)
    assert causes.gamut == causes.padding == 0
    assert causes.search < 0.05 * sum(c.size for c in jpeg.coefficients)


def test_padding_that_nearly_repeats_the_last_row(example: Path) -> None:
    layout = Layout(64, 4, "ycbcr", FACTORS[0])
    picture = np.asarray(photo(example, 64, 4).convert("YCbCr")).astype(float)
    beyond = (picture[-1:] + np.array([1, 2, 2, 1])[:, None, None]).round()
    planes = np.concatenate((picture, beyond)).clip(0, 255).transpose(2, 0, 1)
    causes = project(from_planes(list(planes), layout, [np.full((8, 8), 5, np.int32)] * 3))
    assert causes.search == causes.gamut == 0 < causes.padding


def test_the_exact_gap_proves_more() -> None:
    # One gray block just too bright for white pixels: within the roundings, and beyond them.
    layout = Layout(8, 8, "gray", ((1, 1),))
    steps = (np.full((8, 8), 1, np.int32),)
    for level, proven in ((127 * 8, False), (127 * 8 + 3, True)):
        grid = np.zeros((1, 1, 8, 8), np.int16)
        grid[0, 0, 0, 0] = level
        jpeg = QuantizedJpeg(layout, (grid,), steps, "")
        assert any(causes_of(jpeg, certify=True)) == proven


def test_quality_90_of_every_sampling(example: Path) -> None:
    luma, chroma = scaled_tables(90)
    pixels = np.asarray(photo(example, 53, 37))
    for factors in FACTORS:
        layout = Layout(53, 37, "ycbcr", factors)
        steps = (luma, chroma, chroma)
        jpeg = QuantizedJpeg(layout, libjpeg.encode(pixels, layout, steps), steps, "")
        assert project(jpeg).total == 0, factors
