"""jpegx explore history, replay: what a session holds, going back in it, making it again."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jpegx.cli.arguments import NamedPath, name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_bench import BenchRequest, kept_options, step_option, write_whole
from jpegx.cli.explore_options import (
    NOT_EXACT,
    failures,
    json_option,
    output_option,
    overwrite_option,
    writable,
)
from jpegx.cli.explore_pictures import refuse_existing
from jpegx.errors import printable

if TYPE_CHECKING:
    from jpegx.exploration.session import Session
    from jpegx.exploration.step import Step

_EXAMPLES = """\b
Examples:
  jpegx explore history photo.jpg --session s.json
  jpegx explore history photo.jpg --session s.json --undo -o before.png
  jpegx explore history photo.jpg --session s.json --from 3 --bookmark "open eyes"
"""

_REPLAY_EXAMPLES = """\b
Examples:
  jpegx explore replay photo.jpg --session s.json
  jpegx explore replay photo.jpg --session s.json --json
"""
_REPORT_EXAMPLES = """\b
Examples:
  jpegx explore report photo.jpg --session s.json -o report.html
"""


def _needs_session(bench: BenchRequest) -> None:
    if bench.session is None:
        raise click.UsageError("give a --session.")
    if not bench.session.exists():
        raise click.BadParameter(
            f"{bench.session}: no such session; name one that a tool was given",
            param_hint="--session",
        )


@click.command("history", short_help="Show a session's steps, go back and forth.", epilog=_EXAMPLES)
@click.argument("jpeg", metavar="FILE")
@click.option("--undo", "move", flag_value="undo", help="Go to the step before.")
@click.option("--redo", "move", flag_value="redo", help="Go to the newest step after it.")
@click.option("--bookmark", metavar="NAME", help="Give the step a name.")
@click.option("--prune", is_flag=True, help="Forget what leads to neither the step nor a bookmark.")
@step_option
@kept_options
@output_option
@overwrite_option
@json_option
@click.pass_obj
def history(
    console: Console,
    jpeg: str,
    move: str | None,
    bookmark: str | None,
    prune: bool,
    bench: BenchRequest,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show a session's steps, go back and forth, write the picture of a step.

    Steps are a tree: what is made after going back is a branch, and nothing is lost.

    Exit status: 0; 1, the session or the file cannot be read; 2, wrong usage; 3, the picture that
    was written is not exact.
    """
    _needs_session(bench)
    different = 0
    with failures(console, name_of(jpeg)):
        refuse_existing([output], overwrite=overwrite)
        session = bench.open(console, jpeg)
        if move == "undo":
            session.undo()
        elif move == "redo":
            session.redo()
        if bookmark is not None:
            session.bookmark(bookmark)
        if prune:
            session.prune()
        if output is not None:
            session.workbench.make_all()
            pixels = session.state.whole()
            what = f"step {session.head} of a session"
            different = write_whole(session, pixels, output, what, overwrite=overwrite)
    click.echo(json.dumps(session.json()) if as_json else "\n".join(_lines(session)))
    if different:
        console.say(f"{output}: {different} coefficients differ")
        sys.exit(NOT_EXACT)


def _lines(session: "Session") -> list[str]:
    names = {number: name for name, number in session.bookmarks.items()}
    lines = [_line(session, 0, 0, "start", names)]
    lines += [_line(session, step.id, d + 1, _told(step), names) for d, step in session.tree()]
    return [printable(line) for line in lines]


def _line(session: "Session", number: int, depth: int, text: str, names: dict[int, str]) -> str:
    mark = "*" if number == session.head else " "
    name = f"  [{names[number]}]" if number in names else ""
    return f"{mark}{'  ' * depth}{number}  {text}{name}"


def _told(step: "Step") -> str:
    numbers = step.numbers
    ends = f" {_number(numbers.get('before'))} -> {_number(numbers.get('after'))}"
    exact = "exact" if step.different == 0 else f"{step.different} differ"
    return f"{step.tool}{ends}  {exact}  {step.time}"


def _number(value: Any) -> str:  # noqa: ANN401 (what a session holds)
    return f"{value:.2f}" if isinstance(value, int | float) else "?"


@click.command(
    "replay",
    short_help="Make all pictures of a session again, and compare.",
    epilog=_REPLAY_EXAMPLES,
)
@click.argument("jpeg", metavar="FILE")
@click.option(
    "--classifier",
    "classifiers",
    multiple=True,
    type=NamedPath(),
    metavar="FILE",
    help="The classifier of your own that a step of classify asked, unchanged. Again for more.",
)
@kept_options
@json_option
@click.pass_obj
def replay(
    console: Console,
    jpeg: str,
    classifiers: tuple[Path, ...],
    bench: BenchRequest,
    as_json: bool,
) -> None:
    """Make all pictures of a session again, and compare them with what it holds.

    Of the file, the seeds and the parameters alone. On the machine where they were made they come
    out the same; on another one they are as exact, and as near to what was striven for.

    Exit status: 0, all are the same; 1, a step cannot be made again; 2, wrong usage; 3, a picture
    is another one.
    """
    from jpegx.exploration import replay as again
    from jpegx.models.glyph_classifier import open_classifier

    _needs_session(bench)
    different = 0
    with failures(console, name_of(jpeg)):
        session = bench.open(console, jpeg)
        opened = [open_classifier(path) for path in classifiers]
        for found in again.replay(session, classifiers=opened):
            told = {
                "step": found.step.id,
                "tool": found.step.tool,
                "same": found.same,
                "different": found.edit.patch.different,
                "end_objective": [found.step.numbers.get("end_objective"), found.edit.end],
            }
            different += not found.same
            if as_json:
                click.echo(json.dumps(told))
            else:
                how = "the same pixels" if found.same else "other pixels"
                exact = "exact" if found.edit.patch.exact else f"{told['different']} differ"
                click.echo(printable(f"{found.step.id}  {found.step.tool}: {how}, {exact}"))
    if different:
        sys.exit(NOT_EXACT)


@click.command(
    "report", short_help="Write what a session found as one HTML page.", epilog=_REPORT_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@kept_options
@click.option(
    "-o",
    "--output",
    type=NamedPath(),
    required=True,
    metavar="HTML",
    callback=writable("file"),
    help="The page: it needs nothing else.",
)
@overwrite_option
@click.pass_obj
def report(console: Console, jpeg: str, bench: BenchRequest, output: Path, overwrite: bool) -> None:
    """Write what a session found as one HTML page.

    What cannot, what can and what is likely to have been there, apart from each other, each with
    its method; pictures before and after; and all that was tried, also what failed.

    Exit status: 0; 1, the session or the file cannot be read; 2, wrong usage.
    """
    from jpegx.exploration.session_report import session_report
    from jpegx.io.atomic_file import atomic_file

    _needs_session(bench)
    with failures(console, name_of(jpeg)):
        refuse_existing([output], overwrite=overwrite)
        text = session_report(bench.open(console, jpeg))
        with atomic_file(output, overwrite=overwrite) as stream:
            stream.write(text.encode())
