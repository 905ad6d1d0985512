"""The guide is right: its examples run, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from conftest import DATA, MakeJpeg
from deepinverse import define_missing_operators
from guide import (
    LANGUAGES,
    PAGES,
    ROOT,
    Example,
    anchors,
    calls,
    check_call,
    commands,
    epilog_lines,
    examples,
    targets,
)
from jpegx.cli.main import main
from man_pages import contexts

pytestmark = pytest.mark.usefixtures("quick_eval")

ALL = [example for page in PAGES for example in examples(page)]
COMMANDS = [context.command for context in contexts(main, None, "jpegx")]
# In the help: those of the other commands take hours, or pictures of other programs.
RUN = ("decode", "verify", "project", "explore", "bounds", "info", "models", "recipe")


def of(language: str) -> list[Example]:
    return [example for example in ALL if example.language == language]


@pytest.fixture
def files(make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the guide speaks of, in the working directory."""
    for name in ("photo.jpg", "photos/a.jpg", "photos/2019/b.jpg"):
        make_jpeg(name, size=(40, 24))
    with Image.open(tmp_path / "photo.jpg") as photo:
        photo.convert("RGB").save(tmp_path / "theirs.png")
    originals = tmp_path / "originals"
    originals.mkdir()
    with Image.open(DATA / "example.jpg") as example:
        for number, left in enumerate((0, 170)):
            crop = example.crop((left, 60, left + 208, 188))
            crop.save(originals / f"bird{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_blocks_say_what_they_are() -> None:
    assert not [e.name for e in ALL if e.language not in LANGUAGES]
    for example in ALL:
        if example.language in ("text", "json", "toml"):
            assert not re.search(r"^\$? ?jpegx \w", example.text, re.MULTILINE), example.name


@pytest.mark.parametrize("example", of("sh"), ids=lambda e: e.name)
def test_shell_examples_run(example: Example, files: Path) -> None:
    for line in commands(example.text):
        run_line(line, files)


@pytest.mark.parametrize("example", of("python"), ids=lambda e: e.name)
def test_python_examples_run(example: Example, files: Path) -> None:
    if "import deepinv" in example.text:  # an extra
        define_missing_operators()
        pytest.importorskip("deepinv")
    code = compile(example.text, f"{example.page}:{example.line}", "exec")
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize("example", of("console"), ids=lambda e: e.name)
def test_options_of_long_examples_exist(example: Example) -> None:
    found = [words for line in commands(example.text) for words in calls(line)]
    for words in found:
        check_call(words)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_examples_in_the_help_run(command: click.Command, files: Path) -> None:
    assert epilog_lines(command), "every command has examples"
    for line in epilog_lines(command):
        if command.name in RUN and "NAME" not in line:
            run_line(line, files)
        else:
            for words in calls(line):
                check_call(words)


def run_line(line: str, files: Path) -> None:
    """One line of a user's shell; it must end well."""
    if "|" in line:
        run_by_bash(line, files)
        return
    for part in line.partition(" #")[0].split(" && "):
        name, *words = shlex.split(part)
        assert name == "jpegx", line
        redirected = {sign: words.pop(words.index(sign) + 1) for sign in "<>" if sign in words}
        given = (files / redirected["<"]).read_bytes() if "<" in redirected else None
        arguments = [word for word in words if word not in redirected]
        result = CliRunner().invoke(main, arguments, prog_name="jpegx", input=given)
        assert result.exit_code == 0, (line, result.output)
        if ">" in redirected:
            assert result.stdout_bytes, line


def run_by_bash(line: str, files: Path) -> None:
    """One line for which there must be a shell."""
    program = files / "bin" / "jpegx"
    program.parent.mkdir(exist_ok=True)
    start = "from jpegx.cli.main import main; main()"
    program.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c '{start}' \"$@\"\n")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    script = ["bash", "-euo", "pipefail", "-c", line]
    done = subprocess.run(
        script, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (line, done.stderr)


def test_a_wrong_option_is_noticed() -> None:
    (words,) = calls("find . -name '*.jpg' | jpegx decode --files-from - --colour > out")
    assert words == ["decode", "--files-from", "-", "--colour"]
    with pytest.raises(AssertionError, match="--colour"):
        check_call(words)
    with pytest.raises(AssertionError, match="no command"):
        check_call(["explain", "photo.jpg"])
    check_call(["train", "export", "run", "a.safetensors", "--best"])


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted((ROOT / "weights").rglob("*.md"))], ids=lambda p: p.stem
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in targets(page):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250


def test_the_guide_is_linked() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in targets(ROOT / "README.md")}
    assert not {page.name for page in PAGES[1:] if page not in linked}


def test_the_readme_gives_the_command_of_ci() -> None:
    (owned,) = re.findall(r"^command='(.+)'$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert owned in (ROOT / "README.md").read_text("utf-8").splitlines()


def test_the_drawing_of_the_floors_is_the_contract() -> None:
    """Architecture's drawing names the floors in the order that import-linter checks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    drawing = next(e.text for e in examples(ROOT / "man/guide/architecture.md"))
    drawn = re.findall(r"^ *\| ([\w /]+?) {2,}", drawing, re.MULTILINE)
    built = [layer.replace(" | ", " / ") for layer in layers if not layer.startswith("(")]
    assert drawn == built
