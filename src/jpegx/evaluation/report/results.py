"""The results as files: results.json with everything, results.csv with the table."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.rows import Row
from jpegx.evaluation.benchmark.store import Store
from jpegx.evaluation.report.columns import COLUMNS, network_columns
from jpegx.evaluation.report.notes import about, notes
from jpegx.evaluation.report.page import TITLE, write_report
from jpegx.io.atomic_file import atomic_file

# How results.json begins.
_BEGINS = '{\n "about": {'
_LOOK = 1 << 10  # bytes
_MORE = ("bytes", "features", "fid_std", "kid_std")


class ForeignResults(JpegxError):
    """A file in the way of the results is not of jpegx eval."""


def refuse_foreign(folder: Path) -> None:
    """Raise ForeignResults if results would replace files of a folder that no run wrote."""
    report, results, table = (
        folder / name for name in ("report.html", "results.json", "results.csv")
    )
    if TITLE in _beginning(report) or _beginning(results).startswith(_BEGINS):
        return
    for path in (report, results, table):
        if os.path.lexists(path):
            raise ForeignResults(
                f"{path}: not written by jpegx eval, which would replace it; name another folder"
            )


def _beginning(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return stream.read(_LOOK).decode("utf-8", "replace")


def write_files(folder: Path, plan: Plan, rows: Sequence[Row], store: Store) -> None:
    """Write all that is kept of a run: results.json, results.csv, report.html, the NIQE model.

    Raises OSError; NoMatplotlib, when all is written, if the report has no figures for want of it.
    """
    lines = notes(plan, rows)
    plan.instruments.niqe.save(folder / "niqe.safetensors")
    write_results(folder, about(plan), lines, rows)
    write_report(folder, about(plan), lines, rows, store)


def write_results(
    folder: Path, about: Mapping[str, object], notes: Sequence[str], rows: Sequence[Row]
) -> None:
    """Write results.json and results.csv into a folder, which is made; older ones are replaced.

    ``about``, ``notes``: what the run was and what must be said with it, for results.json. What is
    not a finite number (the PSNR of equal pictures) is null in JSON. Raises OSError.
    """
    columns = [asdict(column) for column in (*COLUMNS, *network_columns(rows))]
    found = {"about": about, "notes": notes, "columns": columns}
    text = json.dumps(_finite({**found, "rows": [_plain(row) for row in rows]}), indent=1)
    _write(folder / "results.json", text + "\n")
    _write(folder / "results.csv", _table(rows))


def _plain(row: Row) -> dict[str, Any]:
    values = asdict(row)
    del values["crops"]
    return values


def _table(rows: Sequence[Row]) -> str:
    shown = [column.key for column in (*COLUMNS, *network_columns(rows))]
    found = dict.fromkeys(key for row in rows for key in row.figures)
    keys = [*shown, *_MORE, *(key for key in found if key not in (*shown, *_MORE))]
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["data_set", "quality", "decoder", "pictures", "samples", "published", *keys])
    for row in rows:
        figures = [row.figures.get(key) for key in keys]
        quality = "" if row.quality is None else row.quality
        head = [row.data_set, quality, row.decoder, row.pictures, row.samples]
        writer.writerow([*head, "yes" if row.published else "", *figures])
    return stream.getvalue()


def _finite(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _write(path: Path, text: str) -> None:
    with atomic_file(path, overwrite=True) as stream:
        stream.write(text.encode())
