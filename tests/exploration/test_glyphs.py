"""jpegx explore glyphs: what is there is never ruled out, and much that is not is."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jpegx
from conftest import Run
from jpegx.errors import JpegxError
from jpegx.exploration.rendered_glyphs import Font, find_fonts, placed_glyphs

REGION = ("--region", "12,10,9x12")


def drawn(path: Path, character: str, quality: int, contrast: float = 90) -> Path:
    glyphs = list(placed_glyphs(character, [Font(None)], (9, 12), [10]))
    glyph = glyphs[len(glyphs) // 2]
    canvas = np.full((32, 40), 150.0)
    canvas[10:22, 12:21] += contrast * glyph.coverage
    pixels = canvas.round().clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).convert("RGB").save(path, "JPEG", quality=quality)
    return path


@pytest.mark.parametrize(("quality", "contrast"), [(5, 90), (10, -90), (60, -60)])
def test_what_is_there_is_never_ruled_out(
    run: Run, tmp_path: Path, quality: int, contrast: float
) -> None:
    file = drawn(tmp_path / "a.jpg", "8", quality, contrast)
    words = ("explore", "glyphs", file, *REGION, "--among", "81", "--height", "10", "--json")
    result = run(*words, "--tolerance", "0.6")  # the levels of the source are rounded
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert "8" in answer["verdict"].split("not ruled out: ")[1]
    ends = {s["quantity"][-2]: s["least"] for s in answer["statements"] if s["kind"] == "cannot"}
    assert ends.get("8", 0) <= 0.6
    if quality == 60:
        assert ends["1"] > 5
        assert "ruled out at 0.6 levels: 1;" in answer["verdict"]
    for shown in (s for s in answer["statements"] if s["kind"] == "can"):
        assert ends.get(shown["quantity"][-2], 0) <= shown["value"]


def test_a_blank_wall_is_no_character(run: Run, tmp_path: Path) -> None:
    blank = tmp_path / "blank.jpg"
    Image.new("RGB", (40, 32), (120, 120, 120)).save(blank, "JPEG", quality=85)
    words = ("explore", "glyphs", blank, *REGION, "--among", "8", "--height", "10")
    result = run(*words, "--tolerance", "4", "-o", tmp_path / "out")
    assert "ruled out at 4 levels: 8; not ruled out: none" in result.output
    assert run("verify", blank, tmp_path / "out" / "U+0038.png").exit_code == 0


def test_fonts_are_hostile_until_read(run: Run, tmp_path: Path) -> None:
    file = drawn(tmp_path / "a.jpg", "8", 30)
    words = ("explore", "glyphs", file, *REGION, "--among", "8", "--height", "10", "--fonts")
    for content in (None, b"no font", b"\0\1\0\0" + b"\0" * 90):
        folder = tmp_path / str(content is None or len(content))
        folder.mkdir(exist_ok=True)
        if content is not None:
            (folder / "a.ttf").write_bytes(content)
        result = run(*words, folder)
        assert result.exit_code == 1
        assert len(result.output.splitlines()) == 1, result.output
    assert run(*words, tmp_path / "nosuch").exit_code == 1
    with pytest.raises(JpegxError):
        find_fonts(tmp_path / "nosuch")
    assert run("explore", "glyphs", file, *REGION, "--among", " ").exit_code == 2


def test_characters_that_fit_nowhere_are_left_out(run: Run, tmp_path: Path) -> None:
    file = drawn(tmp_path / "a.jpg", "8", 30)
    words = ("explore", "glyphs", file, "--region", "3,3,7x9", "--height", "8", "--json")
    result = run(*words, "--among", "1W")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.output)["facts"]["characters"]
    assert facts["1"] is not None
    assert facts["W"] is None


def test_a_region_too_small_for_any_character(run: Run, tmp_path: Path) -> None:
    file = drawn(tmp_path / "a.jpg", "8", 30)
    words = ("explore", "glyphs", file, "--region", "20,20,2x2", "--among", "01")
    for options, least in (((), 4), (("--height", "7", "--height", "9"), 7)):
        result = run(*words, *options)
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert line.endswith(f"too small for characters of at least {least} pixels")
    with pytest.raises(JpegxError, match="at least 4 pixels"):
        jpegx.explore(file, "20,20,2x2").glyphs("01")


def test_characters_that_a_font_lacks_are_refused(run: Run, tmp_path: Path) -> None:
    file = drawn(tmp_path / "a.jpg", "8", 30)
    words = ("explore", "glyphs", file, *REGION, "--height", "10", "--among")
    for character in "\u6f22\u200b":
        result = run(*words, f"8{character}")
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert f"Pillow's own has no visible character {character!r}" in line
    with pytest.raises(JpegxError, match="no visible character ' '"):
        jpegx.explore(file, "12,10,9x12").glyphs("8 ")
    for character in "0123456789AMIl|-.":
        Font(None).check(character)
