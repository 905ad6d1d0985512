"""What explore is told wrongly, or of a model that has nothing to vary, is said in a line."""

import json
from pathlib import Path
from typing import Any

import pytest

import jpegx
from conftest import Run
from jpegx.errors import JpegxError
from tiny_weights import write_weights

REGION = ("--region", "8,0,16x16")


@pytest.mark.parametrize(
    ("tool", "option", "value"),
    [
        ("bounds", "--quantity", "weight"),
        ("brighten", "--to", "most"),
        ("level", "--component", "R"),
        ("like", "--source-region", "here"),
        ("periodic", "--period", "0.1,0"),
        ("variance", "--over", "noise"),
    ],
)
def test_values_that_cannot_be_used_are_wrong_usage(
    run: Run, example: Path, tool: str, option: str, value: str
) -> None:
    model = () if tool == "bounds" else ("--model", "laplace")
    result = run("explore", tool, example, *REGION, *model, option, value)
    assert result.exit_code == 2, result.output
    assert f"Invalid value for {option}: " in result.output


def test_a_model_that_draws_nothing_says_so(run: Run, example: Path, tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "regression.safetensors", 0, {}, noise=False)
    words = (example, *REGION, "--model", weights)
    for more in (("random", "-n", "2"), ("variance", "--over", "draws")):
        result = run("explore", more[0], *words, *more[1:])
        assert result.exit_code == 2, result.output
        assert "all samples of" in result.output
    result = run("explore", "bounds", *words, "--quick", "-n", "4")
    assert result.exit_code == 1
    assert "a regression has no draws" in result.output
    assert run("explore", "random", *words, "-n", "1").exit_code == 0
    # What is driven apart begins apart.
    result = run("explore", "dissimilar", *words, "-n", "2", "--iterations", "2", "--json")
    told = [json.loads(line)["facts"] for line in result.output.splitlines()]
    assert all(facts["rmse_to_nearest_alternative"] > 0.5 for facts in told)


def test_extremes_name_their_files(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("--model", "laplace", "-n", "3", "--json", "-o", tmp_path / "ends")
    result = run("explore", "extremes", example, *REGION, *words)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.output.splitlines()]
    shown = [s for answer in answers for s in answer["statements"] if s["kind"] == "can"]
    assert len(shown) == 8 + 2 * 2
    assert all(Path(statement["picture"]).is_file() for statement in shown)


def test_where_pictures_go_is_looked_at_before_the_work(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr("jpegx.exploration.run_edit.run", never)
    monkeypatch.setattr("jpegx.exploration.comparison.answer_nearest", never)
    monkeypatch.setattr("jpegx.exploration.summaries.summarise", never)
    advice = "use --overwrite, or name another place"
    there, folder = tmp_path / "there.png", tmp_path / "folder"
    folder.mkdir()
    for path in (there, folder / "random_2.png", folder / "sheet.png"):
        path.write_bytes(b"mine")
    words = (example, *REGION, "--model", "laplace", "-o")
    for tool, output, more, path in (
        ("smooth", there, (), there),
        ("random", folder, ("-n", "2"), folder / "random_2.png"),
        ("draws", folder, (), folder / "sheet.png"),
    ):
        result = run("explore", tool, *words, output, *more)
        assert result.exit_code == 1
        assert result.output == f"{example}: {path}: File exists; {advice}\n"
    asked = ("nearest", example, "--image", example, "-o", there)
    assert f"{there}: File exists; {advice}" in run("explore", *asked).output
    for output, more in ((tmp_path / "new.png", ("-n", "2")), (tmp_path / "new.jpg", ())):
        assert run("explore", "random", *words, output, *more).exit_code == 2
    assert run("explore", "extremes", *words[:-1], "-n", "2").exit_code == 2
    assert there.read_bytes() == b"mine"


def test_pictures_with_most_luma_keep_their_colours(example: Path) -> None:
    region = jpegx.explore(example, "160,96,32x32")
    ends = region.bounds("mean Y").pictures
    change = region.picture(ends["mean Y most"]).astype(int) - region.picture(ends["mean Y least"])
    means = change[96:128, 160:192].reshape(-1, 3).mean(axis=0)
    assert means.min() > 3
    assert means.max() - means.min() < 1


def test_glyphs_and_order_in_python(example: Path) -> None:
    glyphs = jpegx.explore(example, "8,0,8x10").glyphs("1", heights=[8], inks=["dark"], turn=0)
    assert glyphs.statements[0].quantity == "distance to '1'"
    order = jpegx.explore(example).order([("0,0,8x8", "0,0,8x8", -5)])
    assert order.verdict is not None
    assert order.verdict.startswith("possible together")


def test_unknown_values_are_refused_by_name(example: Path) -> None:
    wrong: Any = "foo"
    with pytest.raises(JpegxError, match="snap 'foo': one of none, blocks, units"):
        jpegx.explore(example, "8,0,8x10", snap=wrong)
    with pytest.raises(JpegxError, match="'foo': one of noise, cells, both, draws"):
        jpegx.explore(example, "8,0,8x10").edit("variance", model="laplace", over=wrong)


def test_a_character_to_strive_for_is_asked_and_checked(run: Run, example: Path) -> None:
    words = ("explore", "classify", example, *REGION, "--model", "laplace")
    for more, reason in (
        ((), "Missing option '--character'. Give a digit or a letter; jpegx explore glyphs tells"),
        (("--character", "%"), "'--character': '%' is no digit and no letter from A to Z."),
    ):
        result = run(*words, *more)
        assert result.exit_code == 2
        assert reason in result.stderr.splitlines()[-1]  # one line, not one for each character
    result = run(*words, "--character", "b", "--iterations", "2", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["statements"][0]["quantity"] == "opinion that it is 'B'"


@pytest.mark.parametrize("slack", [-1.0, float("nan"), float("inf")])
def test_a_slack_is_a_number_from_0_up(run: Run, example: Path, slack: float) -> None:
    with pytest.raises(JpegxError, match="slack"):
        jpegx.explore(example, "8,0,16x16").bounds("mean Y", quick=True, slack=slack)
    with pytest.raises(JpegxError, match="slack"):
        jpegx.verify(example, example, slack=slack)
    assert run("verify", example, example, "--slack", slack).exit_code == 2
    assert run("explore", "bounds", example, *REGION, "--slack", slack).exit_code == 2
