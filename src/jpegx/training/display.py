"""The table that is shown on a terminal while a run goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

# What stands first, with how it is written; losses and shares follow in the order of the log.
_FIRST = {
    "stage": "{}",
    "step": "{:,}",
    "progress": "{:.1%}",
    "minutes": "{:.1f}",
    "rate": "{:.2e}",
    "steps_per_second": "{:.2f}",
}


class LiveDisplay:
    """A table of the newest line of the log, renewed in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, line: dict[str, float | str]) -> None:
        """Show the newest line."""
        table = Table(show_header=False, box=None)
        for name, form in _FIRST.items():
            if name in line:
                table.add_row(name.replace("_", " "), form.format(line[name]))
        for name, value in line.items():
            if name not in _FIRST:
                form = "{:.1%}" if name.startswith("share_") else "{:.3g}"
                table.add_row(name.replace("_", " "), form.format(value))
        self._live.update(table)

    def say(self, line: str) -> None:
        """Print a line above the table."""
        self._live.console.print(Text(line), soft_wrap=True)


class NoDisplay:
    """Shows no table: where there is no terminal, the log in the run folder is the place to look.

    ``say`` prints a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def show(self, line: dict[str, float | str]) -> None:
        """Nothing."""


@contextmanager
def open_display(
    stream: TextIO, say: Callable[[str], None], *, quiet: bool
) -> Iterator[LiveDisplay | NoDisplay]:
    """A live table if the stream is a terminal and not ``quiet``; else lines go to ``say``."""
    console = Console(file=stream)
    if quiet or not console.is_terminal:
        yield NoDisplay(say)
        return
    with Live(console=console, transient=True) as live:
        yield LiveDisplay(live)
