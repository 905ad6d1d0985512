"""jpegx explore, through the command line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import MakeJpeg, Run
from jpegx.exploration.statements import GRAY_LEVELS, Can


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


def test_the_text_says_no_more_than_is_certified(run: Run, example: Path) -> None:
    words = ("explore", "bounds", example, "--region", "121,83,22x28", "--quick")
    answer = json.loads(run(*words, "--json").output)
    said = {s["quantity"]: s for s in answer["statements"] if s["kind"] == "cannot"}
    text = run(*words).output
    found = re.findall(r"cannot  (.+) below (\S+)(?: or above (\S+))? gray levels", text)
    assert [quantity for quantity, *_ in found] == list(said)
    for quantity, least, most in found:
        assert 0 <= said[quantity]["least"] - float(least) < 0.011
        assert not most or 0 <= float(most) - said[quantity]["most"] < 0.011


def test_a_picture_that_is_not_exact_shows_nothing() -> None:
    found, near = (Can("mean Y", GRAY_LEVELS, 9.5, different) for different in (0, 2))
    assert found.text == "can     mean Y 9.50 gray levels (exact)"
    assert near.text == "near    mean Y 9.50 gray levels (not exact, 2 differ: not shown)"
    assert [said.json()["kind"] for said in (found, near)] == ["can", "near"]


def test_an_answer_about_a_damaged_file_says_so(run: Run, example: Path, tmp_path: Path) -> None:
    data = example.read_bytes()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(data[: len(data) // 2])
    rectangle = "0,200,8x8"  # where nothing is left
    for words in (
        ("bounds", broken, "--region", rectangle, "--quick"),
        ("order", broken, "--brighter", rectangle, "0,0,8x8", "-200"),
        ("darken", broken, "--region", rectangle, "--model", "laplace", "--over", "cells"),
    ):
        (note,) = (n for n in json.loads(run("explore", *words, "--json").stdout)["notes"][-1:])
        assert "is missing (gray)): what is said holds for what was read" in note
        whole = (words[0], example, *words[2:])
        assert "damaged" not in run("explore", *whole).output
    assert run("decode", example, "-o", tmp_path / "source.png").exit_code == 0
    result = run("verify", broken, tmp_path / "source.png")
    assert result.exit_code == 1
    assert "its true source differs, too" in result.stderr


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
