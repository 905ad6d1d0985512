"""jpegx explore, through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import MakeJpeg, Run


def test_tools_are_imported_when_they_are_asked_for(run: Run) -> None:
    shown = run("explore", "--help")
    assert shown.exit_code == 0
    assert "bounds" in shown.output
    assert run("explore", "no-such-tool").exit_code == 2


def test_bounds(run: Run, example: Path) -> None:
    words = ("explore", "bounds", example, "--region", "121,83,22x28", "--quick")
    text = run(*words)
    assert text.exit_code == 0
    assert "cannot  mean Y below" in text.output
    answer = json.loads(run(*words, "--json").output)
    assert answer["region"] == "121,83,22x28"
    said = {s["quantity"]: s for s in answer["statements"] if s["kind"] == "cannot"}
    assert said["mean Y"]["least"] < said["mean Y"]["most"]
    whole = json.loads(run(*words, "--snap", "blocks", "--json").output)
    tight = {s["quantity"]: s for s in whole["statements"] if s["kind"] == "cannot"}
    for quantity in ("mean Y", "mean Cb", "contrast Y"):
        widths = [ends[quantity]["most"] - ends[quantity]["least"] for ends in (said, tight)]
        assert widths[1] < widths[0] / 2 or quantity != "mean Y"
        assert widths[1] <= widths[0] + 1e-6


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--region", "900,0,4x4"), 1, "no pixel"),
        (("--region", "0,0,384x256", "--invert"), 1, "no pixel"),
        (("--region", "1,2,3"), 2, "not X,Y,WxH"),
        (("--ellipse", "1,2,0x0"), 2, "no rectangle"),
        (("--polygon", "1,2 3,4"), 2, "three points"),
        (("--mask", "nosuch.png"), 1, "nosuch.png"),
        (("--snap", "chunks"), 2, "chunks"),
    ],
)
def test_bad_regions_are_one_line(
    run: Run, example: Path, words: tuple[str, ...], code: int, told: str
) -> None:
    result = run("explore", "bounds", example, *words)
    assert result.exit_code == code
    assert told in result.output
    if code == 1:
        assert len(result.output.splitlines()) == 1


def test_bad_files_are_one_line(run: Run, tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0nonsense")
    for path in (broken, tmp_path / "nosuch.jpg", tmp_path):
        result = run("explore", "bounds", path)
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert str(path) in line
    photo = make_jpeg("photo.jpg")
    mask = tmp_path / "mask.png"
    Image.fromarray(np.zeros((16, 24), np.uint8)).save(mask)
    assert "no pixel" in run("explore", "bounds", photo, "--mask", mask).output
    mask.write_bytes(mask.read_bytes()[:40])
    assert "mask.png" in run("explore", "bounds", photo, "--mask", mask).output
