"""The examples of README.md, man/guide and the commands' help, to be run or checked."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from jpegx.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "man" / "guide").glob("*.md"))]
# sh, python: run by the tests. console: takes hours, or data that is not here, so that only the
# names of commands and options are checked. The others hold no commands.
LANGUAGES = ("sh", "python", "console", "toml", "json", "text", "mermaid")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A block of code of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """For the names of tests."""
        return f"{self.page.stem}:{self.line}"


def examples(page: Path) -> list[Example]:
    """The blocks of code of a page."""
    text = page.read_text("utf-8")
    return [
        Example(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in _FENCE.finditer(text)
    ]


def commands(text: str) -> list[str]:
    """The lines of a shell block without comments, those that a backslash ends joined."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def calls(line: str) -> Iterator[list[str]]:
    """The words behind each jpegx of a line of shell: up to a pipe, a redirection or an end."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] | None = None
    for word in [*lexer, ";"]:
        if words is not None and re.fullmatch(r"[|&;<>()]+", word):
            yield words
            words = None
        elif words is not None:
            words.append(word)
        elif word.rpartition("/")[2] == "jpegx":
            words = []


def check_call(words: list[str]) -> None:
    """Raise AssertionError if the words name a command or an option that jpegx does not have."""
    command: click.Command = main
    context = click.Context(main, info_name="jpegx")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(context, rest[0])
        if inner is None:
            assert command is not main, f"no command {rest[0]}"
            break
        command, rest = inner, rest[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    known = {"-h", "--help", "--version"}
    known |= {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    for word in rest:
        option = word.partition("=")[0]
        if option.startswith("-") and option != "-" and not re.match(r"-\d", option):
            assert option in known, f"{command.name} has no {option}"


def epilog_lines(command: click.Command) -> list[str]:
    """The examples in the help of a command, one line each."""
    lines = (command.epilog or "").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("jpegx ")]


def targets(page: Path) -> list[str]:
    """What the links and pictures of a page lead to, but for other sites."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    return [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]


def anchors(page: Path) -> set[str]:
    """The places in a page that links can lead to."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}
