"""The page of jpegx explore serve in a real browser: draw, brighten, undo, export, by keyboard."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from conftest import CHROMIUM, DATA, opened_page
from jpegx.cli.explore_tools.serve_tool import opened_by_file
from jpegx.cli.main import main
from processes import JPEGX, PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a page that is served by another process."""
    words = ["explore", "serve", DATA / "example.jpg", "--no-browser", "--model", "laplace"]
    process = subprocess.Popen(
        [*JPEGX, *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stderr is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stderr.readline())
        assert found is not None
        yield found.group()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130  # as Ctrl-C ends every command
    finally:
        process.kill()


@pytest.fixture
def page(browser: "Browser", address: str) -> "Iterator[Page]":
    """The page, opened."""
    with opened_page(browser, address, own=(address, "blob:", "data:")) as opened:
        opened.locator("body[data-ready]").wait_for()
        yield opened


def test_the_browser_is_led_to_the_page_by_a_file(
    browser: "Browser", address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", asked.append)
    with opened_by_file(address):
        (name,) = asked
        file = Path(name.removeprefix("file://"))
        assert file.parent.stat().st_mode & 0o077 == file.stat().st_mode & 0o077 == 0
        with opened_page(browser, name, own=(name, address)) as opened:
            opened.wait_for_url(address)
            opened.locator("body[data-ready]").wait_for()
    assert not file.parent.exists()


def test_draw_brighten_undo_and_export(page: "Page", tmp_path: Path) -> None:
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 40, steps=3)
    page.mouse.up()
    slider = page.locator("input[data-quantity='mean Y']")
    slider.wait_for()
    assert re.fullmatch(r"\d+,\d+,\d+x\d+", page.locator("#place").input_value())
    least, now, most = (
        float(slider.get_attribute(name) or slider.input_value())
        for name in ("min", "value", "max")
    )
    assert least < now < most
    page.select_option("#tool", "brighten")
    page.locator("[name=p-to]").fill("max")
    page.click("#apply")
    page.locator("#history li").nth(1).wait_for()
    text = page.locator("#step").inner_text()
    reached = re.search(r"can\s+mean luma\s+([\d.]+)", text)
    assert reached is not None
    assert now < float(reached.group(1)) <= most
    assert page.locator("#badge").inner_text().startswith("exact: 0 differ")
    with page.expect_download() as download:
        page.click("#export")
    target = tmp_path / "out.png"
    download.value.save_as(target)
    words = ["verify", str(DATA / "example.jpg"), str(target)]
    assert CliRunner().invoke(main, words, prog_name="jpegx").exit_code == 0
    page.locator("#badge", has_text="exported, exact: 0 differ").wait_for()
    page.click("#undo")
    page.locator("#history button[aria-current=true]", has_text="start").wait_for()
    page.keyboard.press("Control+y")
    page.locator("#history button[aria-current=true]", has_text="brighten").wait_for()


def test_all_of_it_by_keyboard(page: "Page") -> None:
    page.locator("#place").focus()
    page.keyboard.type("160,96,24x16")
    page.keyboard.press("Enter")
    page.locator("input[data-quantity='mean Y']").wait_for()
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.locator("#where", has_text="161,96,24x17").wait_for()
    page.keyboard.press("g")
    assert page.locator("#grid").is_checked()
    page.keyboard.press("+")
    page.locator("#tool").focus()
    page.select_option("#tool", "random")
    page.locator("#apply").focus()
    page.keyboard.press("Enter")
    page.locator("#alternatives button").nth(3).wait_for()
    page.locator("#canvas").focus()
    page.keyboard.press("2")
    page.locator("#alternatives button").nth(1).and_(
        page.locator("[aria-selected=true]")
    ).wait_for()
    page.select_option("#compare", "swipe")
    assert page.locator("#swipe").is_visible()
    page.locator("#canvas").focus()
    page.keyboard.press("Control+z")
    before = re.compile("start|brighten")
    page.locator("#history button[aria-current=true]", has_text=before).wait_for()


def test_contrast_by_slider_and_a_region_of_another_step(page: "Page") -> None:
    page.locator("#place").fill("96,32,32x32")
    page.locator("#place").press("Enter")
    slider = page.locator("input[data-quantity='std Y']")
    page.locator("#where", has_text="96,32,32x32").wait_for()
    least, now, most = (float(slider.get_attribute(name) or 0) for name in ("min", "value", "max"))
    assert 0 <= least < now < most
    items = page.locator("#history li")
    before = items.count()
    slider.focus()
    page.keyboard.press("End")
    items.nth(before).wait_for()
    numbers = items.nth(before).inner_text()
    assert "variance" in numbers
    start, reached = (float(number) for number in re.findall(r"\d+\.\d+", numbers))
    assert start == pytest.approx(now, abs=0.5)
    assert start < reached <= most + 0.5  # the luma of pixels, not libjpeg's rounded Y
    page.locator("#other").select_option("0")
    page.locator("#canvas").focus()
    page.keyboard.press("c")
    page.locator("#history button[aria-current=true]", has_text="copy").wait_for()
    assert page.locator("#badge").inner_text().startswith("exact: 0 differ")


def test_what_is_wrong_is_said(page: "Page") -> None:
    page.click("#apply")
    page.locator("#error", has_text="draw a region first").wait_for()
    page.locator("#place").fill("900,900,4x4")
    page.locator("#place").press("Enter")
    assert page.locator("#place").input_value() == "380,252,4x4"  # what is meant from now on
    page.select_option("#tool", "like")
    page.click("#apply")
    said = page.locator("#error", has_text="source-region")
    said.wait_for()
    with page.expect_response(re.compile("/picture/")):  # the page shows another part of it
        page.click("#in")
    assert said.is_visible()
    with page.expect_response("**/state") as told:
        page.click("#undo")
    told.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert page.locator("#error").inner_text() == ""  # said once


def test_an_answer_that_is_overtaken_is_not_shown(page: "Page") -> None:
    held: list[Route] = []

    def hold_the_first(route: "Route") -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/bounds", hold_the_first)
    where = page.locator("#where")
    for place in ("16,16,8x8", "40,24,9x7"):
        with page.expect_request("**/bounds"):
            page.locator("#place").fill(place)
            page.locator("#place").press("Enter")
    where.filter(has_text="40,24,9x7").wait_for()
    with page.expect_response("**/bounds") as late:
        held[0].continue_()
    late.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")  # the page has dealt with the answer
    assert "40,24,9x7" in where.inner_text()
