"""Messages and progress on standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # rich is imported when there is something to say: --help must be quick
    from rich.console import Console as RichConsole
    from rich.progress import Progress, TaskID


def drop_output() -> None:
    """Send what is still to be written to standard output nowhere: it cannot be written."""
    with suppress(OSError, ValueError):  # replaced by something that is no file, as tests do
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Console:
    """Standard error as it was when the program started.

    The reader points file descriptor 2 elsewhere while libjpeg runs, to catch what it prints; our
    own messages must not be caught with it.
    """

    def __init__(self) -> None:
        self._stream = _standard_error()
        self.goes_on = ""  # how to go on with what was interrupted
        self._rich: RichConsole | None = None
        self._bar: Bar | None = None

    def say(self, line: str) -> None:
        """Print one line, above the progress bar where there is one."""
        from rich.text import Text

        self._console.print(Text(line), soft_wrap=True)

    @contextmanager
    def progress(self, total: int | None, *, quiet: bool) -> Iterator["Bar"]:
        """A progress bar over ``total`` steps; invisible if quiet or not on a terminal."""
        from rich import progress

        columns = (
            progress.TextColumn("{task.description}", markup=False),
            progress.TextColumn("{task.fields[note]}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
        )
        console = self._console
        disabled = quiet or not console.is_terminal
        with progress.Progress(*columns, console=console, disable=disabled) as bar:
            self._bar = Bar(bar, bar.add_task("", total=total, note=""))
            try:
                yield self._bar
            finally:
                self._bar = None

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar would be seen: on a terminal."""
        return self._stream.isatty()

    def drawn(self, share: float) -> None:
        """Show beside the bar, if there is one, which share of the next pictures is drawn."""
        if self._bar is not None:
            self._bar.drawn(share)

    def searching(self, units: int) -> None:
        """Show beside the bar, if there is one, how many units are searched for."""
        if self._bar is not None:
            self._bar.searching(units)

    @property
    def _console(self) -> "RichConsole":
        if self._rich is None:
            from rich.console import Console as RichConsole

            self._rich = RichConsole(file=self._stream)
        return self._rich


class Bar:
    """A progress bar on the console."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task
        self._done = 0
        self._reached = 0
        self._together = 1
        self._shown = 0.0

    def expect(self, steps: int) -> None:
        """So many steps are worked on together: what ``drawn`` tells is a share of them."""
        self._together = steps

    def advance(self, what: str) -> None:
        """One more step is done; ``what`` it was part of is shown."""
        self._done += 1
        self._update(description=what, note="")

    def drawn(self, share: float) -> None:
        """Show which share of the steps that belong together is done, and count it as done."""
        self._update(share * self._together, note=f"drawn: {share:.0%}")

    def searching(self, units: int) -> None:
        """Show how many units of the next picture are searched for."""
        self._update(note=f"not exact yet: {units}")

    def reach(self, completed: int) -> None:
        """All in all ``completed`` steps are done."""
        self._done = self._reached = completed
        self._update(note="")

    def _update(self, begun: float = 0.0, *, note: str, description: str | None = None) -> None:
        self._shown = max(self._done, self._reached + begun, self._shown)
        self._progress.update(self._task, completed=self._shown, description=description, note=note)


def _standard_error() -> TextIO:
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (OSError, ValueError):  # replaced by something that is no file, as tests do
        return sys.stderr
    # Names of files are bytes: one that cannot be printed must not stop the program.
    return os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
