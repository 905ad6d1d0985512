"""jpegx explore order: inequalities that hold together, and such that cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Run


@pytest.fixture
def stairs(tmp_path: Path) -> Path:
    """Five steps of 8 pixels, each 6 levels brighter than the one before."""
    row = np.repeat(100 + 6 * np.arange(5), 8)
    picture = np.repeat(row[None], 24, axis=0).astype(np.uint8)
    path = tmp_path / "stairs.jpg"
    Image.fromarray(picture).convert("RGB").save(path, "JPEG", quality=50, subsampling=0)
    return path


def brighter(*triples: tuple[str, str, float]) -> list[object]:
    return [word for triple in triples for word in ("--brighter", *triple)]


def test_what_is_there_is_possible(run: Run, stairs: Path, tmp_path: Path) -> None:
    wanted = brighter(("8,4,6x9", "1,4,6x9", 4), ("26,4,4x7", "17,3,5x9", 4))
    out = tmp_path / "o.png"
    result = run("explore", "order", stairs, *wanted, "-o", out, "--json")
    assert result.exit_code == 0, result.output
    (shown,) = json.loads(result.output)["statements"]
    assert shown["exact"]
    assert shown["value"] >= 0
    assert run("verify", stairs, out).exit_code == 0


def test_a_circle_is_impossible_though_each_step_is_not(run: Run, stairs: Path) -> None:
    areas = ["2,2,4x4", "10,2,4x4", "18,2,4x4"]
    steps = list(zip(areas, [*areas[1:], areas[0]], strict=True))
    for a, b in steps[:2]:
        assert run("explore", "order", stairs, *brighter((a, b, 0.5))).exit_code == 0
    circle = run("explore", "order", stairs, *brighter(*((a, b, 0.5) for a, b in steps)), "--json")
    assert circle.exit_code == 4, circle.output
    (proof,) = json.loads(circle.output)["statements"]
    assert proof["kind"] == "cannot"
    assert proof["margin"] == pytest.approx(0.5, abs=1e-3)


def test_whole_blocks_cannot_change_places(run: Run, stairs: Path) -> None:
    result = run("explore", "order", stairs, *brighter(("0,0,8x8", "32,0,8x8", 0)))
    assert result.exit_code == 4
    assert "certified" in result.output


def test_bad_inequalities(run: Run, stairs: Path) -> None:
    words = ("explore", "order", stairs)
    assert run(*words).exit_code == 2
    assert run(*words, "--brighter", "1,2,3", "1,1,1x1", "3").exit_code == 2
    assert run(*words, "--brighter", "1,2,3x3", "1,1,1x1", "nan").exit_code == 2
    assert run(*words, *brighter(("0,0,4x4", "8,8,4x4", 1)), "--component", "R").exit_code == 2
    outside = run(*words, *brighter(("90,90,4x4", "8,8,4x4", 1)))
    assert outside.exit_code == 1
    assert len(outside.output.splitlines()) == 1


def test_an_area_is_not_brighter_than_itself(run: Run, stairs: Path) -> None:
    same = ("0,0,8x8", "0,0,8x8")
    assert run("explore", "order", stairs, *brighter((*same, 5))).exit_code == 4
    assert run("explore", "order", stairs, *brighter((*same, -5))).exit_code == 0
