"""The table on the terminal."""

from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import TextIO

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from jpegx.errors import printable
from jpegx.evaluation.benchmark.rows import Row
from jpegx.evaluation.report.columns import used_columns


def print_tables(rows: Sequence[Row], stream: TextIO, shown: Sequence[str] = ()) -> None:
    """Print one table for each data set, as wide as it has to be.

    ``shown``: keys of the figures to print, in their order; without, all that are brief.
    """
    for name in dict.fromkeys(row.data_set for row in rows):
        table = _table(name, [row for row in rows if row.data_set == name], shown)
        console = Console(file=stream)
        needed = Measurement.get(console, console.options.update(width=1000), table).maximum
        Console(file=stream, width=max(needed, console.width)).print(table)


def _table(name: str, rows: Sequence[Row], shown: Sequence[str]) -> Table:
    used = used_columns(rows)
    columns = [column for column in used if column.brief]
    if shown:
        columns = [column for key in shown for column in used if column.key == key]
        rows = [row for row in rows if any(column.text(row) for column in columns)]
    measured = [row for row in rows if not row.published]
    title = f"{printable(name)}: published"
    if measured:
        pictures = max(row.pictures for row in measured)
        samples = max(row.samples for row in measured)
        title = f"{printable(name)}: {_count(pictures, 'picture')}"
        title += f", {_count(samples, 'sample')} of each" if samples else ""
    table = Table(title=Text(title), title_justify="left", pad_edge=False)
    table.add_column("QF", justify="right", no_wrap=True)
    table.add_column("decoder", no_wrap=True)
    for column in columns:
        table.add_column(_wrapped(column.title), justify="right", no_wrap=True)
    for row, following in pairwise([*rows, None]):
        assert row is not None
        quality = "" if row.quality is None else str(row.quality)
        cells = [column.text(row) for column in columns]
        end = following is not None and following.quality != row.quality
        table.add_row(quality, Text(printable(row.decoder)), *cells, end_section=end)
    return table


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wrapped(title: str) -> str:
    """On lines as wide as its longest word."""
    return "\n".join(wrap(title, max(map(len, title.split())), break_on_hyphens=False))
