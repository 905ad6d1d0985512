"""Summaries of draws: components, clusters, intervals that hold; and the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import Run
from jpegx.exploration.summaries import Directions, conformal, farthest, tree, wilson
from tiny_weights import write_weights


def distances(points: list[float]) -> torch.Tensor:
    values = torch.tensor(points)[:, None]
    return torch.cdist(values, values)


def test_components_are_those_of_the_draws() -> None:
    random = torch.Generator().manual_seed(0)
    mask = torch.zeros(6, 8, dtype=torch.bool)
    mask[1:5, 2:7] = True
    along = torch.randn(40, 1, 1, 1, generator=random) * 9
    pattern = torch.randn(1, 1, 6, 8, generator=random)
    pattern /= pattern[..., mask].norm()
    images = 100 + along * pattern + 0.1 * torch.randn(40, 1, 6, 8, generator=random)
    found = Directions(images, mask, 2)
    assert found.shares[0] > 0.95
    assert float(found.stds[0]) == pytest.approx(float(along.std()), rel=0.02)
    moved = found.moved(3, 0, 2.0, mask)
    assert float(found.standardised(moved, mask)[0]) == pytest.approx(2, abs=1e-3)
    assert (moved[:, ~mask] == images[3][:, ~mask]).all()
    truth = float(found.standardised(images[5], mask)[0])
    assert truth == pytest.approx(float(found.places[5, 0] / found.stds[0]), abs=1e-4)


def test_the_tree_has_the_clusters() -> None:
    table = distances([0.0, 0.1, 0.2, 10.0, 10.1, 50.0])
    found = tree(table, 3)
    assert found[0] == (None, [0, 1, 2, 3, 4, 5])
    leaves = [members for n, (_, members) in enumerate(found) if n not in {p for p, _ in found}]
    assert sorted(leaves) == [[0, 1, 2], [3, 4], [5]]
    for parent, members in found[1:]:
        assert parent is not None
        assert set(members) < set(found[parent][1])
    assert tree(table, 1) == [(None, [0, 1, 2, 3, 4, 5])]
    first, second, third = farthest(table, 3)
    assert (first in (2, 3), second, third in (0, 4)) == (True, 5, True)


def test_intervals_cover_what_they_say() -> None:
    random = np.random.default_rng(0)
    held = [
        random.standard_t(3) ** 2 <= conformal(list(random.standard_t(3, 30) ** 2))
        for _ in range(4000)
    ]
    assert 0.885 < np.mean(held) < 0.925
    assert conformal([1.0] * 5) == float("inf")
    low, high = wilson(5, 10)
    assert low < 0.5 < high
    assert wilson(0, 10)[0] == 0


def test_draws_are_summarised(run: Run, example: Path, tmp_path: Path) -> None:
    originals = tmp_path / "originals"
    originals.mkdir()
    random = np.random.default_rng(1)
    for number in range(2):
        pixels = random.integers(0, 256, (40, 44, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(originals / f"{number}.png")
    words = ("explore", "draws", example, "--region", "160,96,16x16", "--model", "laplace")
    more = ("-n", 6, "-o", tmp_path / "out", "--session", tmp_path / "s.json", "--json")
    calibrated = ("--calibrate", originals, "--calibration-regions", 10)
    result = run(*words, *more, *calibrated)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    kinds = {(s["kind"], s["quantity"]) for s in answer["statements"]}
    assert ("likely", "component 1") in kinds
    assert ("can", "component 3") in kinds
    (first,) = [
        s for s in answer["statements"] if (s["kind"], s["quantity"]) == ("likely", "component 1")
    ]
    assert first["values"]["90% interval, to each side"] > 0
    assert "10 regions" in first["calibration"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"component_1_plus.png", "sheet.png"} < names
    target = tmp_path / "out" / "component_1_plus.png"
    assert run("verify", example, target).exit_code == 0
    report = tmp_path / "report.html"
    made = run("explore", "report", example, "--session", tmp_path / "s.json", "-o", report)
    assert made.exit_code == 0, made.output
    text = report.read_text()
    assert "component 1" in text
    assert "All that was tried" in text
    assert "://" not in text  # base64 has no colon


def test_extremes_and_their_report(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("explore", "extremes", example, "--region", "160,96,16x16", "--model", "laplace")
    result = run(*words, "-n", 3, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.output.count("cannot  mean luma") == 2
    assert (tmp_path / "out" / "sheet.png").exists()
    assert not list((tmp_path / "out").glob("draw_*"))  # none was asked for
    assert run("verify", example, tmp_path / "out" / "darkest.png").exit_code == 0


def test_bad_calibration_is_one_line(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("explore", "draws", example, "--model", "laplace", "--region", "9,9,9x9", "-n", 3)
    result = run(*words, "--calibrate", tmp_path)
    assert result.exit_code == 1
    assert "no originals" in result.output
    standard = ("explore", "draws", example, "--model", "standard", "--region", "9,9,9x9")
    assert run(*standard).exit_code == 1


def test_a_regression_has_no_draws(run: Run, example: Path, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "smooth.safetensors", 0, {}, noise=False)
    words = (example, "--model", weights, "--region", "160,96,8x8", "-n", 3)
    result = run("explore", "draws", *words)
    assert result.exit_code == 1
    assert "a regression has no draws" in result.output
    result = run("explore", "extremes", *words)
    assert result.exit_code == 0, result.output
    assert "component" not in result.output
