"""What jpegx decode tells while it works, and the exit code that comes of it."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from time import monotonic
from typing import TYPE_CHECKING

import click

from jpegx.cli.console import Console
from jpegx.errors import printable

if TYPE_CHECKING:
    from jpegx.batch.outcomes import Outcome, Written
    from jpegx.batch.outputs import Existing, Outputs
    from jpegx.batch.settings import DecodeSettings
    from jpegx.io.inputs import Input

FAILED = 1
NOT_EXACT = 3
_LONG = 2.0  # seconds of search after which a log tells of it, and again


class DecodeReport:
    """Messages on the console, JSON on standard output, and the count of what went wrong."""

    def __init__(self, console: Console, *, as_json: bool, verbose: bool) -> None:
        self._console = console
        self._as_json = as_json
        self._verbose = verbose
        self.failures = 0
        self._inexact_files = 0
        self._causes: dict[str, int] = {}
        self._searched, self._since = "", 0.0

    @property
    def exit_code(self) -> int:
        """0 if all went well, FAILED or NOT_EXACT if not."""
        return FAILED if self.failures else NOT_EXACT if self._inexact_files else 0

    def noted(self, line: str) -> None:
        """Tell what the user should know of the inputs."""
        self._console.say(printable(line))

    def failed(self, line: str) -> None:
        """Tell that an input failed."""
        self.failures += 1
        self._console.say(printable(line))

    def searching(self, name: str, units: int) -> None:
        """Tell that an exact picture is searched for, on the bar, or in a log where it takes long.

        ``units``: how many of its units are not exact yet.
        """
        self._console.searching(units)
        now = monotonic()
        if name != self._searched:
            self._searched, self._since = name, now
        elif self._verbose and now - self._since > _LONG:
            name = printable(name)
            self._console.say(f"{name}: searching for exact pixels of {_count(units, 'unit')}")
            self._since = now

    def tell_plan(self, jobs: Iterable["tuple[Input, Outputs]"], existing: "Existing") -> None:
        """Print which pictures the inputs would become, on standard output."""
        word = {"refuse": "exists: refused", "overwrite": "replaced", "skip": "exists: skipped"}
        for source, outputs in jobs:
            there = {path for path in outputs if os.path.lexists(path)}
            if self._as_json:
                told = {
                    "input": str(source.path),
                    "outputs": [str(path) for path in outputs],
                    "existing": [str(path) for path in outputs if path in there],
                }
                click.echo(json.dumps(told))
                continue
            names = [
                f"{path} ({word[existing]})" if path in there else str(path) for path in outputs
            ]
            click.echo(printable(f"{source.name} -> {', '.join(names)}"))

    def follow(
        self,
        outcomes: Iterable["Outcome"],
        files: int | None,
        pictures: int,
        settings: "DecodeSettings",
        *,
        quiet: bool,
    ) -> None:
        """Tell of the outcomes as they come, of this many files with this many pictures each.

        ``files``: None if that is not known.
        """
        from jpegx.batch.manifest import picture_fields
        from jpegx.batch.outcomes import Appeared, Failed, Finished, Warned, Written

        skipped = finished = written = 0
        inexact: list[Written] = []
        began = last = monotonic()
        with self._console.progress(files and files * pictures, quiet=quiet) as bar:
            bar.expect(pictures)
            for outcome in outcomes:
                match outcome:
                    case Written():
                        written += 1
                        bar.advance(printable(outcome.source.name))
                        if settings.project and outcome.different:
                            inexact.append(outcome)
                        if self._as_json:
                            click.echo(json.dumps(picture_fields(outcome, settings)))
                    case Appeared():
                        bar.advance(printable(outcome.source.name))
                    case Warned():
                        self._console.say(printable(outcome.message))
                    case Failed():
                        self.failed(outcome.message)
                    case Finished():
                        finished += 1
                        skipped += outcome.skipped
                        bar.reach(finished * pictures)
                        self._not_exact(inexact)
                        inexact.clear()
                        if self._verbose:
                            now = monotonic()
                            done = "skipped" if outcome.skipped else f"{now - last:.1f} s"
                            number = f"[{finished}/{max(finished, files or 0)}]"
                            name = printable(outcome.source.name)
                            self._console.say(f"{number} {name}: {done}")
                            last = now
        if self._inexact_files and finished > 1 and not quiet:
            self._console.say(
                f"jpegx: not exact: {self._inexact_files} of {finished} files; coefficients of all "
                f"their pictures that differ: {_by_cause(self._causes)}"
            )
        if self._verbose:
            self._console.say(
                f"jpegx: {_count(finished, 'file')}, {_count(written, 'picture')} written, "
                f"{skipped} skipped, {self.failures} failed, {self._inexact_files} not exact, "
                f"in {monotonic() - began:.1f} s"
            )
        elif skipped and not quiet:
            self._console.say(f"jpegx: {skipped} of {finished} files skipped: their pictures exist")

    def _not_exact(self, pictures: list["Written"]) -> None:
        if pictures:
            self._inexact_files += 1
            worst = max(pictures, key=lambda picture: picture.different or 0)
            for picture in pictures:
                for cause, count in _causes(picture).items():
                    self._causes[cause] = self._causes.get(cause, 0) + count
            self._console.say(
                f"{printable(worst.source.name)}: warning: pictures that are not exact: "
                f"{len(pictures)}; in {worst.output.name} {worst.different} of {worst.total} "
                f"coefficients differ from the file's: {_by_cause(_causes(worst))}"
            )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# What the counts of differing coefficients are told as.
_MEANING = {
    "gamut": "where no 8-bit picture has the file's colours",
    "padding": "where another encoder filled up the edge",
    "search": "not found",
}


def _causes(written: "Written") -> dict[str, int]:
    return {} if written.causes is None else asdict(written.causes)


def _by_cause(counts: dict[str, int]) -> str:
    told = [f"{n} {_MEANING[cause]} ({cause})" for cause, n in counts.items() if n]
    return ", ".join(told)
