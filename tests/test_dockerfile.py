"""The Dockerfile runs README's first command on what it copies (Docker itself is not run here)."""

import re
from pathlib import Path

from guide import ROOT, examples

DOCKERFILE = ROOT / "man" / "guide" / "Dockerfile"


def test_it_runs_the_first_command_of_the_readme() -> None:
    (command,) = re.findall(r"^RUN (.+)$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert command.replace("--no-cache-dir $PIP_OPTIONS ", "") == first_command()


def test_what_the_command_needs_is_copied() -> None:
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    kept = [line[1:] for line in ignored if line.startswith("!")]
    assert ignored[0] == "*"
    wheel = re.findall(
        r'^"([^"]+)" = "', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    paths = re.findall(r"\S+/\S+\.jpg", first_command())
    for path in [*wheel, *paths, "src/jpegx/__init__.py", "README.md", "LICENSE"]:
        assert (ROOT / path).exists(), path
        assert any(path == part or Path(part) in Path(path).parents for part in kept), path


def first_command() -> str:
    example = next(e for e in examples(ROOT / "README.md") if e.language == "console")
    return example.text.strip()
