"""Sessions: a tree that is gone back in, made again, and trusted in nothing."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from conftest import DATA, Run
from jpegx.cli.main import main
from jpegx.exploration import session as session_module
from jpegx.exploration import session_pictures
from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.minimise import Watch
from jpegx.exploration.run_edit import run as run_edit
from jpegx.exploration.state import State
from jpegx.models.glyph_classifier import open_classifier, save_classifier

EDIT = ("--region", "160,96,20x20", "--model", "laplace", "--iterations", 6)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a session with a branch: steps 1, then 2 and 3, both of 1."""
    folder = tmp_path_factory.mktemp("session")
    for tool, *more in (("brighten",), ("smooth",), ("variance", "--from", 1, "--strength", 2)):
        given = (DATA / "example.jpg", *EDIT, "--session", folder / "s.json", *more)
        result = CliRunner().invoke(main, ["explore", tool, *map(str, given)])
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def session(made: Path, tmp_path: Path) -> Path:
    """A copy of that session."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "s.json"


def head(path: Path) -> int:
    return int(json.loads(path.read_text())["head"])


def test_history_goes_back_and_forth(run: Run, example: Path, session: Path) -> None:
    words = ("explore", "history", example, "--session", session)
    data = json.loads(run(*words, "--json").output)
    assert [(step["id"], step["parent"]) for step in data["steps"]] == [(1, 0), (2, 1), (3, 1)]
    assert head(session) == 3
    shown = run(*words, "--undo").output.splitlines()
    assert shown[1].startswith("*  1  brighten")
    assert len(shown) == 4
    run(*words, "--undo")
    run(*words, "--undo")
    assert head(session) == 0
    run(*words, "--redo")
    run(*words, "--redo")
    assert head(session) == 3
    assert "[best]" in run(*words, "--from", 2, "--bookmark", "best").output
    run(*words, "--from", 1, "--prune")
    assert [s["id"] for s in json.loads(session.read_text())["steps"]] == [1, 2]
    names = sorted(path.name for path in (session.parent / "s-steps").iterdir())
    assert names == ["0001.png", "0002.png"]


def test_pictures_of_steps_are_exact_and_build_on_each_other(
    run: Run, example: Path, session: Path, tmp_path: Path
) -> None:
    pictures = []
    for step in range(4):
        target = tmp_path / f"{step}.png"
        words = ("--session", session, "--from", step, "-o", target)
        assert run("explore", "history", example, *words).exit_code == 0
        assert run("verify", example, target).exit_code == 0
        pictures.append(np.asarray(Image.open(target)))
    start, first, second, third = pictures
    assert (first != start).any()
    assert (second != third).any()
    changed = (third != start).any(axis=2)
    assert not changed[:96].any()
    assert not changed[:, :160].any()


def test_a_session_is_made_again(run: Run, example: Path, session: Path) -> None:
    words = ("explore", "replay", example, "--session", session)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.output.count("the same pixels, exact") == 3
    data = json.loads(session.read_text())
    data["steps"][0]["parameters"]["strength"] = 1.0
    session.write_text(json.dumps(data))
    other = run(*words)
    assert other.exit_code == 3
    assert "1  brighten: other pixels, exact" in other.output


def test_a_classifier_of_ones_own_is_given_again_unchanged(
    run: Run, example: Path, tmp_path: Path
) -> None:
    own, other = tmp_path / "own.safetensors", tmp_path / "other.safetensors"
    network = open_classifier().network
    for path in (own, other):
        save_classifier(path, network, {"name": path.stem}, overwrite=False)
    session = ("--session", tmp_path / "s.json")
    words = ("--model", "laplace", "--region", "9,9,8x8", "--iterations", 2, "--character", "7")
    result = run("explore", "classify", example, *words, *session, "--classifier", own)
    assert result.exit_code == 0, result.output
    again = ("explore", "replay", example, *session)
    for given, reason in (((), "it is not opened by itself"), ((other,), "is another")):
        result = run(*again, *(word for path in given for word in ("--classifier", path)))
        assert result.exit_code == 2
        told = result.stderr.splitlines()[-1]
        assert f"for --classifier: '{own}' was asked" in told
        assert f"{reason}; give that file, unchanged" in told
    result = run(*again, "--classifier", other, "--classifier", own)
    assert (result.exit_code, result.output) == (0, "1  classify: the same pixels, exact\n")


def test_random_alternatives_and_samples_are_made_again(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--session", tmp_path / "s.json", "--model", "laplace", "--region", "9,9,8x8")
    more = ("--start", "sample", "-n", 3, "--seed", 5)
    assert run("explore", "random", example, *words, *more).exit_code == 0
    asked = []

    def counted(state: State, request: Request, watch: Watch) -> list[Edit]:
        asked.append(request)
        return run_edit(state, request, watch)

    monkeypatch.setattr("jpegx.exploration.replay.run", counted)
    result = run("explore", "replay", example, *words[:2])
    assert result.output.count("the same pixels, exact") == 3
    assert len(asked) == 1


def test_a_picture_to_begin_with(run: Run, example: Path, tmp_path: Path) -> None:
    run("decode", example, "--project", "-o", tmp_path / "own.png", "--seed", 3)
    own = next(tmp_path.glob("own*.png"))
    path = tmp_path / "s.json"
    words = ("explore", "darken", example, *EDIT, "--session", path)
    target = tmp_path / "out.png"
    assert run(*words, "--start", own, "-o", target).exit_code == 0
    before, after = np.asarray(Image.open(own)), np.asarray(Image.open(target))
    assert (before[:96] == after[:96]).all()
    assert run("explore", "history", example, "--session", path).exit_code == 0
    assert run(*words, "--start", "sample").exit_code == 2


def spoil(data: Any, *keys: object, value: object) -> None:  # noqa: ANN401 (any JSON)
    *path, last = keys
    for key in path:
        data = data[key]
    data[last] = value


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("file", "sha256"), "0" * 64),
        (("steps", 0, "parent"), 7),
        (("steps", 0, "parent"), 1),
        (("steps", 1, "id"), 1),
        (("steps", 0, "id"), "../../etc/passwd"),
        (("steps", 0, "tool"), "rm"),
        (("steps", 0, "numbers"), {"before": float("nan")}),
        (("steps", 0, "region"), {"shapes": [{"rectangle": "0,0,9999999999x1"}]}),
        (("steps", 0, "region"), {"shapes": [{"mask": "AAAA"}]}),
        (("steps", 0, "region"), {"shapes": [{"rectangle": "0,0,400x300"}]}),
        (("steps", 0, "sha256"), "0" * 64),
        (("steps", 0, "units"), -1),
        (("steps", 0, "more"), 1),
        (("steps",), {}),
        (("head",), 99),
        (("head",), True),
        (("bookmarks",), {"a": "b"}),
        (("sampler", "model"), "/etc/passwd"),
        (("sampler", "model"), "../weights.safetensors"),
        (("sampler", "start"), "/etc/passwd"),
        (("sampler",), None),
        (("schema",), "jpegx session 2"),
        (("file",), []),
    ],
)
def test_hostile_sessions_are_one_line(
    run: Run, example: Path, session: Path, keys: tuple[Any, ...], value: object
) -> None:
    data = json.loads(session.read_text())
    spoil(data, *keys, value=value)
    session.write_text(json.dumps(data))
    result = run("explore", "replay", example, "--session", session)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert len([line for line in lines if " pixels, exact" not in line]) == 1, result.output


@pytest.mark.parametrize(
    "text", ["", "[" * 100_000, "{}", "\x00\xff", '{"schema": NaN}', '{"schema": 1e999}']
)
def test_what_is_no_session_is_one_line(run: Run, example: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    result = run("explore", "history", example, "--session", path)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1


def test_pictures_of_a_session_are_no_way_out(
    run: Run, example: Path, session: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "s-steps" / "0001.png"
    secret = tmp_path / "secret.png"
    picture.rename(secret)
    words = ("explore", "history", example, "--session", session, "-o", tmp_path / "out.png")
    assert run(*words).exit_code == 1
    picture.symlink_to(secret)
    result = run(*words)
    assert result.exit_code == 1
    assert "link" in result.output
    picture.unlink()
    Image.new("RGB", (32, 32), "red").save(picture)
    result = run(*words)
    assert result.exit_code == 1
    assert "not the picture of step 1" in result.output
    assert not (tmp_path / "out.png").exists()


def test_nothing_is_written_or_removed_where_a_link_leads(
    run: Run, example: Path, session: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "mine"
    (tmp_path / "s-steps").rename(elsewhere)
    (elsewhere / "0004.png").write_bytes(b"mine")
    (tmp_path / "s-steps").symlink_to(elsewhere)
    words = ("--region", "9,9,8x8", "--from", 0, "--session", session, "-n", 1)
    made = run("explore", "random", example, *words)
    assert made.exit_code == 1
    assert "link" in made.output
    assert (elsewhere / "0004.png").read_bytes() == b"mine"
    pruned = run("explore", "history", example, "--session", session, "--from", 0, "--prune")
    assert pruned.exit_code == 1
    assert len(list(elsewhere.iterdir())) == 4


@pytest.mark.parametrize("start", ["standard", "{jpeg}"])
def test_a_step_that_cannot_be_kept_leaves_nothing(
    run: Run, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    path, word = tmp_path / "s.json", start.format(jpeg=example)
    edit = ("explore", "random", example, *EDIT[:4], "-n", 2, "--session", path)

    @contextmanager
    def full(place: Path, **_: object) -> Iterator[None]:
        raise OSError(errno.ENOSPC, "No space left on device", str(place))
        yield

    monkeypatch.setattr(session_module, "atomic_file", full)
    result = run(*edit, "--start", word)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{path}: No space left on device; make room" in result.stderr
    assert result.stderr.endswith("; the steps were not kept\n")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    assert run(*edit, "--start", word).exit_code == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    write = session_pictures.write_pixels

    def refused(place: Path, pixels: np.ndarray) -> None:
        if place.name == "0004.png":
            raise OSError(errno.EACCES, "Permission denied", str(place))
        write(place, pixels)

    monkeypatch.setattr(session_module, "write_pixels", refused)
    result = run(*edit)
    assert result.exit_code == 1
    assert "0004.png: Permission denied; " in result.stderr
    assert result.stderr.endswith("; the steps were not kept\n")
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_report_shows_what_was_done_and_runs_nothing(
    run: Run, example: Path, session: Path, tmp_path: Path
) -> None:
    data = json.loads(session.read_text())
    script = "<script>alert(1)</script>"
    data["steps"][0]["numbers"][script] = script
    data["steps"][0]["notes"] = [script]
    data["steps"][0]["statements"] = [{"kind": "cannot", "least": script, "method": script}]
    data["answers"] = [{"tool": script, "statements": [script, {"kind": script}], "notes": 3}]
    session.write_text(json.dumps(data))
    target = tmp_path / "report.html"
    words = ("explore", "report", example, "--session", session, "-o", target)
    assert run(*words).exit_code == 0
    text = target.read_text()
    assert "<script" not in text
    assert "Step 3: variance, exact" in text
    assert text.count("<img ") == 6
    assert run(*words).exit_code == 1  # it is there already


def test_questions_are_kept_and_reported(run: Run, example: Path, tmp_path: Path) -> None:
    words = ("--region", "160,96,8x8", "--session", tmp_path / "s.json")
    assert run("explore", "bounds", example, *words, "--quick").exit_code == 0
    white = tmp_path / "white.png"
    Image.new("RGB", (384, 256), "white").save(white)
    assert run("explore", "nearest", example, *words, "--image", white).exit_code == 4
    target = tmp_path / "report.html"
    made = run("explore", "report", example, *words[2:], "-o", target)
    assert made.exit_code == 0, made.output
    text = target.read_text()
    assert "bounds, region 160,96,8x8" in text
    assert "independent Laplace laws" in text
    assert "0 draws" not in text
    assert "nearest, region 160,96,8x8" in text


@pytest.mark.parametrize("words", [("history",), ("replay",), ("report", "-o", "report.html")])
def test_a_session_that_is_not_there(
    run: Run, example: Path, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("explore", words[0], example, *words[1:], "--session", "none.json")
    assert result.exit_code == 2
    assert "no such session" in result.output
    assert not (tmp_path / "report.html").exists()


def test_a_report_is_not_replaced_unasked(
    run: Run, example: Path, session: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text("mine")
    words = ("explore", "report", example, "--session", session, "-o", page)
    result = run(*words)
    assert result.exit_code == 1
    assert "use --overwrite" in result.output
    assert page.read_text() == "mine"
    assert run(*words, "--overwrite").exit_code == 0


@pytest.mark.parametrize("tool", ["like", "histogram"])
def test_another_region_on_the_command_line(run: Run, example: Path, tool: str) -> None:
    words = ("explore", tool, example, "--region", "164,100,16x16", "--over", "cells")
    result = run(*words, "--source-region", "30,40,16x16", "--iterations", 3)
    assert result.exit_code == 0, result.output
    result = run(*words)
    assert result.exit_code == 1
    assert "give its source, a region (source-region) or a picture" in result.output
