"""What the tests of the command line share."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import settings
from PIL import Image

from jpegx.cli.main import main
from processes import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Tests work on small pictures, where a second thread costs more than it brings; processes that
# tests start inherit it. PyTorch reads it when it is imported, which is later.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts its background jobs deaf to Ctrl-C, and what tests start there would be so, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may fail because the machine is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

DATA = Path(__file__).parent / "data"
CHROMIUM = shutil.which("chromium")

Run = Callable[..., Result]
MakeJpeg = Callable[..., Path]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for all tests; a file or two are done before a second process has begun."""
    return 2 if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, for the tests of pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened_page(browser: "Browser", address: str, *, own: tuple[str, ...]) -> "Iterator[Page]":
    """A page; any request for what does not begin like its own, and any error in it, fail it."""
    opened = browser.new_page(viewport={"width": 1300, "height": 900})
    opened.set_default_timeout(1000 * PATIENCE)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
    opened.goto(address)
    yield opened
    opened.close()
    assert not wrong


@pytest.fixture
def example() -> Path:
    """The JPEG file that comes with jpegx: 384x256, quality 15, 4:2:0."""
    return DATA / "example.jpg"


@pytest.fixture
def run() -> Run:
    """Run jpegx in this process: ``run("decode", path, input=b"...")``.

    ``decode`` runs the quick model without weights, unless another is named.
    """

    def run(*arguments: object, **extra: object) -> Result:
        words = [str(argument) for argument in arguments]
        sources = {"--model", "--restorer", "--restorer-command"}
        if words[:1] == ["decode"] and not sources & set(words):
            words += ["--model", "laplace"]
        return CliRunner().invoke(main, words, prog_name="jpegx", **extra)  # type: ignore[arg-type]

    return run


@pytest.fixture
def make_jpeg(tmp_path: Path) -> MakeJpeg:
    """Write a small JPEG file in the test's own folder: ``make_jpeg("a/b.jpg", size=(9, 5))``."""

    def make_jpeg(
        name: str, *, size: tuple[int, int] = (24, 16), mode: str = "RGB", **options: object
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        rows = 60 * np.cos(y[..., None] / np.array([4, 5, 7]))
        waves = 127 + 60 * np.sin(x / 3)[..., None] + rows
        image = Image.fromarray(waves.astype(np.uint8)).convert(mode)
        image.save(path, "JPEG", **{"quality": 40, **options})
        return path

    return make_jpeg


@pytest.fixture
def photos(make_jpeg: MakeJpeg, tmp_path: Path) -> Path:
    """A folder of eight small files."""
    for number in range(8):
        make_jpeg(f"in/p{number:02}.jpg", size=(24 + number, 16))
    return tmp_path / "in"


@contextmanager
def closed(folder: Path, mode: int = 0) -> Iterator[None]:
    """Take away permissions of a folder, also from root, to whom nothing is closed."""
    folder.chmod(mode)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: many small operations wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick_eval(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, no figures and no frozen networks unless a test undoes it."""
    monkeypatch.setattr("jpegx.evaluation.report.page.find_spec", lambda name: None)
    monkeypatch.setattr("jpegx.metrics.frozen_network.find_spec", lambda name: None)


@pytest.fixture
def figures_drawn(quick_eval: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures in the report, as where matplotlib is."""
    monkeypatch.setattr("jpegx.evaluation.report.page.find_spec", find_spec)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Three pictures of 208x128, cut from the example."""
    folder = tmp_path / "birds"
    folder.mkdir()
    with Image.open(DATA / "example.jpg") as example:
        for index, left in enumerate((0, 90, 170)):
            example.crop((left, 60, left + 208, 188)).save(folder / f"bird{index}.png")
    return folder
