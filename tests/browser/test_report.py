"""The report in a real browser: enlarging, views of the colour, blinking."""

from collections.abc import Iterator
from io import BytesIO
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from conftest import CHROMIUM, DATA, opened_page
from jpegx.cli.main import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of one picture with a crop of its own."""
    folder = tmp_path_factory.mktemp("report")
    originals = folder / "birds"
    originals.mkdir()
    with Image.open(DATA / "example.jpg") as example:
        example.crop((90, 60, 298, 188)).save(originals / "bird.png")
    words = ["eval", originals, "--model", "laplace", "--projection", "with", "--quality", "10"]
    words += ["-n", "2", "--crops", "bird:40,0", "--maps", "-o", folder / "out"]
    result = CliRunner().invoke(main, [str(w) for w in words], prog_name="jpegx")
    assert result.exit_code == 0, result.output
    return folder / "out" / "report.html"


@pytest.fixture
def page(browser: "Browser", report: Path) -> "Iterator[Page]":
    """The report, opened."""
    with opened_page(browser, report.as_uri(), own=("file:", "data:")) as opened:
        yield opened


def seen(shown: "Locator") -> np.ndarray:
    """What the browser paints, (H, W, 3); it begins with the row that is nearest."""
    picture = Image.open(BytesIO(shown.screenshot()))
    box = shown.bounding_box()
    assert box is not None
    first = floor(box["y"] + 0.5) - floor(box["y"])
    rows = slice(first, first + round(box["height"]))
    return np.asarray(picture.convert("RGB"), np.float64)[rows]


def test_crops_are_enlarged_pixel_by_pixel(page: "Page", report: Path) -> None:
    image = page.locator(".crops img").first
    with Image.open(report.parent.parent / "birds" / "bird.png") as original:
        pixels = np.asarray(original.convert("RGB"), np.float64)[:, 40:168]
    for times in (1, 3, 8):
        page.locator(".zoom").fill(str(times))
        box = image.bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (128 * times, 128 * times)
        assert page.locator(".times").first.text_content() == f"×{times}"  # noqa: RUF001
        if times == 3:
            assert np.array_equal(seen(image), pixels.repeat(3, axis=0).repeat(3, axis=1))


def test_views_show_the_colour(page: "Page", report: Path) -> None:
    page.locator(".zoom").fill("1")
    image = page.locator(".crops img").first
    red, green, blue = np.moveaxis(seen(image), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = {
        "luma": np.stack([luma] * 3),
        "chroma": 127.5 + 2 * np.stack([red - luma, green - luma, blue - luma]),
        "cb": np.stack([127.5 + 4 * (blue - luma) / 1.772] * 3),
        "cr": np.stack([127.5 + 4 * (red - luma) / 1.402] * 3),
    }
    for view, picture in expected.items():
        page.locator(".view").select_option(view)
        found = np.moveaxis(seen(image), 2, 0)
        assert np.abs(found - picture.clip(0, 255)).max() <= 2, view
        # What is measured has no colour to show: it stays as it is.
        measured = page.locator(".crops img.measured")
        assert measured.count() == 4
        for index in range(4):
            assert measured.nth(index).evaluate("i => getComputedStyle(i).filter") == "none"


def test_panels_blink_at_one_place(page: "Page") -> None:
    page.clock.install()  # the test's own clock: a busy machine blinks when it is told to
    page.clock.pause_at("2030-01-01")
    page.locator(".place button").click()
    stage, name = page.locator("#stage"), page.locator("#stage-name")
    assert name.text_content() == "originals"
    stage.evaluate("stage => stage.decode()")
    first, place = stage.get_attribute("src"), stage.bounding_box()
    page.clock.run_for(600)
    assert name.text_content() == "laplace projected: sample 0"
    assert stage.get_attribute("src") != first
    stage.evaluate("stage => stage.decode()")
    assert stage.bounding_box() == place
    page.clock.run_for(600)
    assert name.text_content() == "originals"
    page.keyboard.press(" ")  # stops it
    assert not page.locator("#running").is_checked()
    page.clock.run_for(3000)
    assert name.text_content() == "originals"
    page.get_by_label("laplace projected: mean").check()
    names = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        names.append(name.text_content() or "")
    assert sorted(names) == ["laplace projected: mean", "laplace projected: sample 0", "originals"]
    page.keyboard.press("ArrowLeft")
    assert name.text_content() == names[1]
    page.keyboard.press("Escape")
    assert not page.locator("#blink").is_visible()
