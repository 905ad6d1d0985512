"""Bounds are proofs: the truth is never excluded, and they are as sharp as can be."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import Run
from jpegx.consistency.cell import Cell
from jpegx.consistency.compare import distances
from jpegx.consistency.recompress import recompress
from jpegx.exploration.block_programs import largest
from jpegx.exploration.bounds import Bounds, functionals_of
from jpegx.exploration.cell_bounds import cell_range, integer_cells, used_blocks
from jpegx.exploration.functionals import Functional, mean
from jpegx.exploration.patch import Finisher
from jpegx.exploration.selection import Selection, Touched, select
from jpegx.exploration.shapes import Mask, Rectangle
from jpegx.exploration.spread import measured, spread
from jpegx.exploration.typical import LaplaceLaws
from jpegx.exploration.unit_programs import UnitPrograms
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from known_sources import file_of, files
from scenes import dead_leaves


@st.composite
def regions_of(draw: st.DrawFn, layout: Layout) -> Selection:
    """A rectangle, or scattered pixels."""
    if draw(st.booleans()):
        x, y = draw(st.integers(0, layout.width - 1)), draw(st.integers(0, layout.height - 1))
        return select(layout, [Rectangle(x, y, draw(st.integers(1, 40)), draw(st.integers(1, 40)))])
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bits = random.random((layout.height, layout.width)) < draw(st.sampled_from((0.02, 0.5)))
    bits[layout.height // 2, layout.width // 2] = True
    return select(layout, [Mask(bits)])


def part_of(picture: np.ndarray, units: Touched) -> np.ndarray:
    return picture[units.box.rows, units.box.columns]


@settings(max_examples=80)
@given(st.data(), files(least=1))
def test_the_truth_is_never_excluded(
    data: st.DataObject, given_: tuple[QuantizedJpeg, np.ndarray]
) -> None:
    jpeg, source = given_
    region = data.draw(regions_of(jpeg.layout))
    units, functionals = functionals_of(region)
    part, truth = units.jpeg(jpeg), part_of(source, units)
    for functional in functionals:
        ends = cell_range(used_blocks(part, functional)[1])
        assert ends.least <= functional.value(truth, part.layout) <= ends.most
    for component in range(len(jpeg.layout.factors)):
        found = spread(part, component, region, units)
        total, within = measured(truth, part, component, region, units)
        assert found.total.least <= total <= found.total.most
        if found.within is not None:
            assert found.within.least <= within <= found.within.most


def moved(jpeg: QuantizedJpeg, steps: int, seed: int) -> QuantizedJpeg:
    """A file whose encoder rounded to up to so many integers from the nearest one."""
    random = np.random.default_rng(seed)
    grids = tuple(
        (grid + random.integers(-steps, steps + 1, grid.shape)).astype(np.int16)
        for grid in jpeg.coefficients
    )
    return replace(jpeg, coefficients=grids)


@settings(max_examples=40)
@given(st.data(), files(least=1), st.integers(1, 3), st.integers(0, 99))
def test_with_slack_the_truth_of_another_encoder_is_never_excluded(
    data: st.DataObject, given_: tuple[QuantizedJpeg, np.ndarray], steps: int, seed: int
) -> None:
    jpeg, source = moved(given_[0], steps, seed), given_[1]
    region = data.draw(regions_of(jpeg.layout))
    units, functionals = functionals_of(region)
    part, truth = units.jpeg(jpeg), part_of(source, units)
    for functional in functionals:
        ends = cell_range(used_blocks(part, functional, steps)[1])
        assert ends.least <= functional.value(truth, part.layout) <= ends.most
    for component, (grid, table) in enumerate(zip(jpeg.coefficients, jpeg.tables, strict=True)):
        total, _ = measured(truth, part, component, region, units)
        found = spread(part, component, region, units, steps).total
        assert found.least <= total <= found.most
        cell = Cell(torch.tensor(grid).double(), torch.tensor(table).double(), steps / 2)
        low, high = integer_cells(jpeg, component, steps / 2)
        assert np.array_equal(low, cell.integers()[0])
        assert np.array_equal(high, cell.integers()[1])
    assert all(float(far.max()) <= 0.5 + steps for far in distances(jpeg, source))


def test_slack_widens_what_is_certified_and_leaves_pictures_exact() -> None:
    pytest.importorskip("scipy")
    jpeg = photo(6)
    units, functionals = functionals_of(select(jpeg.layout, [Rectangle(4, 4, 12, 12)]))
    finisher = Finisher(jpeg, units)
    plain, wide = (Bounds(finisher, slack).thorough(functionals[0], 1) for slack in (0, 0.5))
    assert wide.gamut.least < plain.gamut.least - 1
    assert wide.gamut.most > plain.gamut.most + 1
    assert wide.achieved == plain.achieved
    assert wide.patches is not None
    assert all(patch.exact for patch in wide.patches)


@settings(max_examples=4)
@given(st.data(), files(largest=24, least=1))
def test_the_gamut_never_excludes_the_truth(
    data: st.DataObject, given_: tuple[QuantizedJpeg, np.ndarray]
) -> None:
    jpeg, source = given_
    region = data.draw(regions_of(jpeg.layout))
    units, functionals = functionals_of(region)
    functional = data.draw(st.sampled_from(functionals))
    truth = part_of(source, units)
    found = Bounds(Finisher(jpeg, units)).thorough(functional, 1)
    assert found.achieved is not None
    assert found.patches is not None
    value = functional.value(truth, units.jpeg(jpeg).layout)
    assert found.gamut.least <= value <= found.gamut.most
    assert found.cells.least <= found.gamut.least <= found.gamut.most <= found.cells.most
    for patch, achieved in zip(found.patches, found.achieved, strict=True):
        if patch.exact:
            assert found.gamut.least <= achieved <= found.gamut.most


def photo(quality_step: int, size: int = 48) -> QuantizedJpeg:
    source = dead_leaves(3, size, size, 400).permute(1, 2, 0).numpy()
    layout = Layout(size, size, "ycbcr", ((2, 2), (1, 1), (1, 1)))
    steps = np.add.outer(np.arange(8), np.arange(8)) * quality_step + 2 * quality_step
    return file_of(np.ascontiguousarray(source), layout, [steps.astype(np.int32)] * 3)


def test_closed_form_is_the_optimum_of_the_linear_program() -> None:
    """SciPy on the real DCT; ours is wider by what libjpeg rounds, and no more."""
    linprog = pytest.importorskip("scipy.optimize").linprog
    jpeg = photo(5)
    region = select(jpeg.layout, [Rectangle(3, 5, 21, 9)])
    units, functionals = functionals_of(region)
    part = units.jpeg(jpeg)
    matrix = dct_matrix(torch.device("cpu"), torch.float64).numpy()
    for functional in functionals:
        used, blocks = used_blocks(part, functional)
        steps = part.tables[functional.component].reshape(64)
        centres = part.coefficients[functional.component][used].reshape(-1, 64) * steps
        optimum = 0.0
        for weights, centre in zip(blocks.weights.reshape(-1, 64), centres, strict=True):
            box = np.stack([centre - steps / 2, centre + steps / 2], axis=1)
            optimum -= linprog(-(matrix @ weights), bounds=box).fun
        optimum += 128 * blocks.weights.sum()
        most = cell_range(blocks).most
        assert optimum - 0.3 < most < optimum + 0.3 * np.abs(blocks.weights).sum() * 8


def test_programs_of_blocks_meet_what_is_feasible() -> None:
    pytest.importorskip("scipy")
    jpeg = photo(12)
    region = select(jpeg.layout, [Rectangle(3, 5, 7, 6)])
    units, functionals = functionals_of(region)
    part = units.jpeg(jpeg)
    gained = 0.0
    for functional in functionals:
        _, blocks = used_blocks(part, functional)
        for sign in (-1, 1):
            signed = blocks._replace(weights=sign * blocks.weights)
            extreme = largest(signed)
            reached = float((extreme.samples * signed.weights).sum())
            assert extreme.left == 0
            assert ((extreme.samples >= 0) & (extreme.samples <= 255)).all()
            # The samples are in cells widened by the roundings: beyond the end by these at most.
            assert abs(extreme.most.sum() - reached) < 0.4 * np.abs(blocks.weights).sum()
            gained += cell_range(signed).most - extreme.most.sum()
    assert gained > 5


def test_programs_of_units_know_the_rgb_cube() -> None:
    pytest.importorskip("scipy")
    jpeg = photo(12)
    region = select(jpeg.layout, [Rectangle(18, 21, 6, 5)])
    units, functionals = functionals_of(region)
    chroma = functionals[1]
    bounds = Bounds(Finisher(jpeg, units))
    alone, together = bounds.thorough(chroma, 0), bounds.thorough(chroma, 9)
    assert together.gamut.most - together.gamut.least < alone.gamut.most - alone.gamut.least - 5
    assert alone.achieved == together.achieved
    assert together.achieved is not None
    assert together.gamut.least <= together.achieved[0] <= together.achieved[1]


@pytest.mark.parametrize("quality", [10, 92])  # programs of blocks are asked, or of units alone
def test_without_scipy_the_extra_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: int
) -> None:
    for name in ("scipy", "scipy.optimize"):
        monkeypatch.setitem(sys.modules, name, None)
    noise = 128 + np.random.default_rng(0).normal(0, 6, (64, 64, 3))
    file = tmp_path / "a.jpg"
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(file, quality=quality)
    result = run("explore", "bounds", file, "--region", "9,9,5x5")
    assert result.exit_code == 1
    assert "jpegx[explore]" in result.output
    assert run("explore", "bounds", file, "--region", "9,9,5x5", "--quick").exit_code == 0


def test_any_multipliers_are_a_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    jpeg = photo(8)
    region = select(jpeg.layout, [Rectangle(18, 21, 6, 5)])
    units, functionals = functionals_of(region)
    programs, functional = UnitPrograms(units.jpeg(jpeg)), functionals[0]
    random = torch.Generator().manual_seed(0)

    def nonsense(*_: object) -> torch.Tensor:
        return torch.randn(384, generator=random).double() * 1e-4

    monkeypatch.setattr("jpegx.exploration.unit_programs.find_multipliers", nonsense)
    source = np.ascontiguousarray(dead_leaves(3, 48, 48, 400).permute(1, 2, 0).numpy())
    truth = functional.by_unit(part_of(source, units), units.jpeg(jpeg).layout)
    for unit in np.ndindex(*truth.shape):
        assert truth[unit] <= programs.most(functional, 1, (unit[0], unit[1]))


def test_typical_values_are_those_of_laplace_draws() -> None:
    from jpegx.sampling.laplace import laplace

    jpeg = photo(6)
    layout = jpeg.layout
    region = select(layout, [Rectangle(9, 12, 13, 9)])
    units, functionals = functionals_of(region)
    part = units.jpeg(jpeg)
    expected = [LaplaceLaws(jpeg).moments(part, f) for f in functionals[:1]]
    weights = torch.tensor(functionals[0].weights)
    luma = torch.tensor([0.299, 0.587, 0.114])
    values = [
        float(((units.box.of(image) * luma[:, None, None]).sum(dim=0) * weights).sum())
        for image in laplace(jpeg, 100, 0)
    ]
    ((value, std),) = expected
    assert abs(np.mean(values) - value) < 4 * std / 10
    assert abs(np.std(values) / std - 1) < 0.28


def test_a_flat_file_is_known_to_be_flat() -> None:
    layout = Layout(32, 32, "gray", ((1, 1),))
    source = np.full((32, 32, 1), 90, np.uint8)
    jpeg = file_of(source, layout, [np.full((8, 8), 2, np.int32)])
    region = select(layout, ())
    units, functionals = functionals_of(region)
    ends = cell_range(used_blocks(units.jpeg(jpeg), functionals[0])[1])
    assert 89.8 < ends.least < 90 < ends.most < 90.2
    found = spread(jpeg, 0, region, units)
    assert found.total.least == 0
    assert found.total.most < 2
    assert isinstance(mean("m", 0, region, units), Functional)


def test_pictures_near_the_ends_are_written_exact(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("explore", "bounds", example, "--region", "120,80,9x9", "--quantity", "mean Y")
    result = run(*words, "-o", tmp_path / "ends", "-n", "3", "--model", "laplace", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    shown = [s for s in answer["statements"] if s["kind"] == "can"]
    (proof,) = [s for s in answer["statements"] if s["kind"] == "cannot"]
    likely = [s for s in answer["statements"] if s["kind"] == "likely"]
    assert [s["draws"] for s in likely] == [0, 3]
    assert proof["least"] <= shown[0]["value"] < likely[0]["values"]["mean"] < shown[1]["value"]
    assert shown[1]["value"] <= proof["most"]
    from jpegx.jpeg.file import read_jpeg

    jpeg = read_jpeg(example)
    for statement in shown:
        with Image.open(statement["picture"]) as picture:
            assert "one of many" in picture.info["Description"]
            pixels = np.asarray(picture)
        assert not any(recompress(jpeg, pixels).different)
        assert statement["exact"]
        crop = pixels[80:89, 120:129].astype(float) @ [0.299, 0.587, 0.114]
        assert abs(crop.mean() - statement["value"]) < 0.6
    again = run(*words, "-o", tmp_path / "ends")
    assert again.exit_code == 1
    assert "--overwrite" in again.output


def test_options_of_bounds_that_do_not_go_together(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("explore", "bounds", example, "--region", "8,8,8x8")
    assert run(*words, "--quick", "-o", tmp_path).exit_code == 2
    assert run(*words, "--quick", "--model", "laplace").exit_code == 2
    assert "no 'mean X'" in run(*words, "--quick", "--quantity", "mean X").output
    assert "standard" in run(*words, "--quick", "-n", "2", "--model", "standard").output
