"""The report that jpegx eval writes."""

import json
import re
from base64 import b64decode
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jpegx
from conftest import Run
from eval_results import compressed, pixels
from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark import plan
from jpegx.evaluation.benchmark.panels import moved_into
from jpegx.evaluation.benchmark.request import Place
from jpegx.evaluation.benchmark.rows import Row
from jpegx.evaluation.benchmark.store import Store
from jpegx.evaluation.report.page import write_report
from jpegx.evaluation.report.plots import alpha_lines
from jpegx.evaluation.report.results import write_results
from jpegx.models.card import Interpolation
from tiny_weights import write_weights

pytestmark = pytest.mark.usefixtures("quick_eval")


@pytest.mark.usefixtures("figures_drawn")
def test_report_stands_alone(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("eval", originals, "--model", "laplace", "--quality", "10,40", "-n", 3, "-o", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    assert page.count('src="data:image/svg+xml;base64,') == 4
    # Three originals, and of each two rows at two qualities; the originals are shown at both.
    # Of samples there are four panels: two of them, their mean and their deviation.
    assert page.count('src="data:image/webp;base64,') == 3 * 2 * (1 + 2 * 4)
    assert "://" not in page  # base64 has no colon
    assert page.count("<table>") == 5
    found = json.loads((out / "results.json").read_text("utf-8"))
    sampled = [row for row in found["rows"] if row["samples"] == 3]
    assert len(sampled) == 4
    for row in sampled:
        assert sum(row["calibration"]["pixels"]["ranks"]) == pytest.approx(1)
        assert len(row["nonzero"]) == 15


@pytest.mark.usefixtures("figures_drawn")
def test_chosen_crops(run: Run, originals: Path, tmp_path: Path) -> None:
    """They are the pixels of the original at the place that was asked for."""
    out = tmp_path / "out"
    asked = ("--crops", "bird1.png:70,0", "--crops", "bird1:0,0", "--crops", "bird2:999,999")
    models = ("--model", "standard", "--projection", "without", "--quality", 10)
    result = run("eval", originals, *models, *asked, "-o", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    titles = re.findall(r"<h4>([^<]*), quality 10 <", page)
    assert titles == ["bird1.png at 70,0", "bird1.png at 0,0", "bird2.png at 80,0"]
    found = re.findall(r'<img alt="([^"]*)"[^>]*src="data:image/webp;base64,([^"]*)"', page)
    assert [name for name, _ in found] == ["originals", "standard"] * 3
    boxes = {0: ("bird1", 70), 2: ("bird1", 0), 4: ("bird2", 208 - 128)}  # moved inside
    for index, (name, left) in boxes.items():
        shown = pixels(BytesIO(b64decode(found[index][1])))  # type: ignore[arg-type]
        assert np.array_equal(shown, pixels(originals / f"{name}.png")[:, left : left + 128])


def test_a_crop_is_told_as_far_as_it_lies_in_its_picture() -> None:
    small = moved_into(Place("a.png", (50, 9), (200, 100)), (90, 120))
    assert small.title == "a.png at 0,9, 90x100"
    assert moved_into(Place("a.png", (50, 9)), (300, 200)).title == "a.png at 50,9"


@pytest.mark.usefixtures("figures_drawn")
def test_results_replace_no_files_of_others(
    run: Run, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    ours, results = out / "report.html", out / "results.json"

    def measured(*_: object) -> None:
        raise JpegxError("it is measured")

    for name in ("report.html", "results.json", "results.csv"):
        (out / name).write_text("mine")
        result = run("eval", originals, "-o", out)
        assert (result.exit_code, result.stderr) == (
            1,
            f"jpegx: {out / name}: not written by jpegx eval, which would replace it; name another "
            "folder\n",
        )
        with pytest.raises(JpegxError, match="not written by jpegx eval"):
            jpegx.evaluate(originals, ["laplace"], output=out)
        assert (out / name).read_text() == "mine"
        (out / name).unlink()
    monkeypatch.setattr(plan, "make_plan", measured)
    write_results(out, {}, [], [])
    ours.write_text("mine, beside results of a run")
    assert run("eval", originals, "-o", out).stderr == "jpegx: it is measured\n"
    results.unlink()
    write_report(out, {}, [], [], Store(out))
    assert run("eval", originals, "-o", out).stderr == "jpegx: it is measured\n"


@pytest.mark.usefixtures("figures_drawn")
def test_maps_as_printed(run: Run, originals: Path, tmp_path: Path) -> None:
    """Man et al. 2022, Fig. 6 and 8: roots of the variance (white is none), of what differs."""
    out, decoded, jpegs = tmp_path / "out", tmp_path / "two", tmp_path / "jpegs"
    for folder in (decoded, jpegs):
        folder.mkdir()
    only = originals / "bird0.png"
    for name in ("bird1.png", "bird2.png"):
        (originals / name).unlink()
    (jpegs / "bird0.jpg").write_bytes(compressed(only, 10))
    source = pixels(only)
    samples = [np.clip(source + change, 0, 255) for change in (-6, 2)]
    for index, sample in enumerate(samples):
        Image.fromarray(sample.astype(np.uint8)).save(decoded / f"bird0_{index}.png")
    crop = ("--crops", "bird0:16,8,40x24", "--maps", "-n", 2)
    given = ("--decoded", decoded, "--jpegs", jpegs, "--model", "standard")
    result = run("eval", originals, *given, "--projection", "with", *crop, "-o", out)
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text("utf-8")
    assert "bird0.png at 16,8, 40x24, quality 10" in page
    found = dict(re.findall(r'<img alt="([^"]*)"[^>]*src="data:image/webp;base64,([^"]*)"', page))

    def shown(name: str) -> np.ndarray:
        picture = pixels(BytesIO(b64decode(found[name])))  # type: ignore[arg-type]
        assert picture.shape == (24, 40, 3)
        return picture[..., 0]

    rows, columns = slice(8, 32), slice(16, 56)
    mean, variance = np.mean(samples, axis=0), np.var(samples, axis=0)
    for name, values in (
        ("squared error of the mean", (source - mean) ** 2),
        ("variance", variance),
    ):
        wanted = 255 * (1 - (values[rows, columns].mean(2) / 255**2) ** (1 / 8))
        assert np.abs(shown(f"two: {name}") - wanted).max() <= 1
    assert shown("two: inconsistency").max() > 50
    # What is exact gives the file again, and a single picture has no variance to show.
    assert shown("standard projected: inconsistency").max() == 0
    assert "standard projected: variance" not in found
    # Each decoder has a line of its own, and its shades a scale: the 4th root of 5 in 255.
    lines = re.findall(r"<div>(<figure>.*?)</div>", page)
    assert [line.count("<figure>") for line in lines] == [1, 3, 7]
    assert '<b style="left:37.4%">5</b>' in page
    assert run("eval", originals, "--maps").exit_code == 2


@pytest.mark.usefixtures("figures_drawn")
def test_figures_over_alpha(run: Run, originals: Path, tmp_path: Path) -> None:
    """Ehrlich et al. 2020, B.2: blends between the two networks that they were made of."""
    ends = {
        "plain": write_weights(tmp_path / "plain.safetensors", 0, {}, noise=False),
        "sharp": write_weights(tmp_path / "sharp.safetensors", 1, {}, noise=True),
    }
    half = tmp_path / "half.safetensors"
    blended = (f"{ends['plain']}=0.75", f"{ends['sharp']}=0.25", half)
    assert run("train", "blend", *blended).exit_code == 0
    models = (*ends.values(), half, f"{half}:temperature=0")
    named = chain.from_iterable(("--model", model) for model in models)
    given = (*named, "--quality", 10, "-n", 1, "--projection", "without")
    result = run("eval", originals, *given, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))["rows"]
    of = {row["decoder"]: row["interpolation"] for row in found}
    assert of["half"] == {"name": "half", "start": "plain", "end": "sharp", "alpha": 0.25}
    assert of["half:temperature=0.0"] == of["half"]
    assert of["plain"] is of["sharp"] is of["originals"] is None
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    data = re.findall(r'alt="Figures over alpha, from plain to sharp" src="[^,]*,([^"]*)"', page)
    assert len(data) == 1
    drawn = b64decode(data[0]).decode()
    for words in ("PSNR", "SSIM 8x8", "alpha, the share of sharp", "quality 10:temperature=0.0"):
        assert f"<!-- {words} -->" in drawn


def test_colours_of_the_figures() -> None:
    """A decoder has one, however it is projected; the JPEG is gray, and no two look the same."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from jpegx.evaluation.report.style import Look

    ways = ("laplace", "laplace by Eq. 11", "laplace projected")
    papers = [f"{name} (published)" for name in ("JPEG", "A", "B", "C", "D", "E", "F")]
    jpeg = "standard:chroma=replicated"
    look = Look([jpeg, *ways, *papers])
    assert len({look.of(name)["color"] for name in ways}) == 1
    assert [look.of(name)["linestyle"] for name in ways] == ["-", "-.", "--"]
    assert look.of(jpeg)["color"] == look.of("JPEG (published)")["color"] == "#707070"
    marks = {(look.of(n)["color"], look.of(n)["marker"]) for n in ("laplace", *papers)}
    assert len(marks) == 8


def test_lines_over_alpha() -> None:
    """Ends are those with the options of the blends, or without any; each variant has its own."""

    def row(decoder: str, alpha: float | None = None, quality: int = 10) -> Row:
        own = None if alpha is None else Interpolation(decoder.split(":")[0], "r", "g", alpha)
        return Row("x", quality, decoder, 1, 1, {}, [], None, {}, interpolation=own)

    names = ("r", "r projected", "g:temperature=1", "g projected", "g:temperature=1 projected")
    rows = [*map(row, names), row("b", 0.7), row("a", 0.2), row("b", 0.7, quality=40)]
    rows += [row("b:temperature=1", 0.7), row("b:temperature=1 projected", 0.7)]
    lines = alpha_lines("r", "g", rows)
    assert {n: [(a, each.decoder) for a, each in line] for n, line in lines.items()} == {
        "quality 10": [(0, "r"), (0.2, "a"), (0.7, "b")],
        "quality 10:temperature=1": [(0, "r"), (0.7, "b:temperature=1"), (1, "g:temperature=1")],
        "quality 10:temperature=1 projected": [
            (0, "r projected"),
            (0.7, "b:temperature=1 projected"),
            (1, "g:temperature=1 projected"),
        ],
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--crops", "dog:0,0", "-o", "out"), "dog: no such picture"),
        (("--crops", "bird1:0", "-o", "out"), "PICTURE:X,Y"),
        (("--crops", "bird1:0,0"), "-o"),
        (("--crops", "bird1:0,0,9x9", "-o", "out"), "16 to 1024"),
    ],
)
def test_crops_that_cannot_be_shown(
    run: Run, originals: Path, words: tuple[str, ...], said: str
) -> None:
    result = run("eval", originals, "--model", "standard", *words)
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert not Path("out").exists()


def test_no_matplotlib(run: Run, originals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("eval", originals, "--model", "standard", "--quality", 20, "-o", out)
    assert result.exit_code == 0
    assert "pip install 'jpegx[report]'" in result.stderr
    assert (out / "results.csv").exists()
    assert not (out / "report.html").exists()


@pytest.mark.usefixtures("figures_drawn")
def test_report_without_any_match(run: Run, originals: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    Image.open(originals / "bird0.png").save(others / "dog.png")
    result = run("eval", originals, "--decoded", others, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 3, result.stderr
    assert (tmp_path / "out" / "report.html").exists()
