"""The report: one HTML file that needs no other. The figures need matplotlib."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.rows import Row
from jpegx.evaluation.benchmark.store import Store
from jpegx.evaluation.report.crop_rows import crops, viewer_end, viewer_head
from jpegx.evaluation.report.html_tables import (
    calibration_table,
    figures_table,
    legend,
    means_table,
)
from jpegx.io.atomic_file import atomic_file

TITLE = "<title>jpegx eval</title>"
_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 9px; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid #888; white-space: normal; vertical-align: bottom; }
th:nth-child(2) { text-align: left; } tbody th { font-weight: normal; }
tr.first td, tr.first th { border-top: 1px solid #ccc; }
.wide { overflow-x: auto; margin: 1rem 0; }
.figure { max-width: 100%; display: block; margin: 1rem 0; }
dt { float: left; clear: left; width: 9rem; font-weight: 600; } dd { margin-left: 10rem; }
small { color: #777; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
"""

_PLANE = "Towards the bottom left is better: natural pictures that agree with the file."
_GAINS = "Of one sample; published figures over the JPEG of the same paper."
_ALPHA = "Weights between two others (jpegx train blend): the first at 0, the second at 1."
_RANKS = (
    "Flat on the dotted line: samples that cannot be told from the original. Higher at both ends: "
    "too much alike; a hump: too different; a slope: too bright or too dark."
)
_MEANS = (
    "Of each component over squares of 8, 32 and 128 pixels a side: spread over skill, 1 if the "
    "samples differ in their colours and shades as much as they are off, less if they are too much "
    "alike."
)
_FREQUENCIES = (
    "Of the luma in 8x8 blocks, in whole numbers. Smooth pictures fall below the original."
)
_CROPS = (
    "Samples, their mean and their standard deviation; with --maps as Man et al. 2022 draw them "
    "(Fig. 6, 8, 9): the 8th root of the squared error of the mean and of the variance, the 4th "
    "root of the inconsistency."
)


class NoMatplotlib(JpegxError):
    """The report needs a package that is not installed."""


def check_matplotlib() -> None:
    """Raise NoMatplotlib, one line, if the figures cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise NoMatplotlib(
            "report.html needs matplotlib, which is not installed: pip install 'jpegx[report]', "
            "then give the same command again; what is measured is kept"
        )


def write_report(
    folder: Path,
    about: Mapping[str, object],
    notes: Sequence[str],
    rows: Sequence[Row],
    store: Store,
) -> None:
    """Write report.html into the folder. Raises NoMatplotlib, OSError."""
    check_matplotlib()
    sets = dict.fromkeys(row.data_set for row in rows)
    parts = [_data_set(name, [r for r in rows if r.data_set == name], store) for name in sets]
    facts = ", ".join(f"{escape(key)} {escape(str(value))}" for key, value in about.items())
    said = "".join(f"<p>{escape(line)}</p>" for line in notes)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{TITLE}'
        f"<style>{_CSS}</style>{viewer_head()}</head><body><h1>jpegx eval</h1><p>{facts}</p>{said}"
        f"{''.join(parts)}"
        f"<h2>The columns</h2>{legend(rows)}{viewer_end()}</body></html>\n"
    )
    with atomic_file(folder / "report.html", overwrite=True) as stream:
        stream.write(page.encode("utf-8", "backslashreplace"))


def _data_set(name: str, rows: Sequence[Row], store: Store) -> str:
    from jpegx.evaluation.report import plots
    from jpegx.evaluation.report.style import Look

    look = Look([row.decoder for row in rows])
    sections = (
        ("", "", figures_table(rows)),
        ("Perception and consistency", _PLANE, plots.plane(rows, look)),
        ("Over the qualities", "", plots.curves(rows, look)),
        ("Gained over the JPEG", _GAINS, plots.gains(rows, look)),
        ("Between two networks", _ALPHA, plots.interpolations(rows)),
        ("Calibration", _RANKS, plots.ranks(rows, look) + _wide(calibration_table(rows))),
        ("Calibration of means", _MEANS, _wide(means_table(rows))),
        ("Frequencies", _FREQUENCIES, plots.frequencies(rows, look)),
        ("Crops", _CROPS, crops(rows, store)),
    )
    shown = "".join(
        (f"<h3>{title}</h3>" if title else "") + (f"<p>{words}</p>" if words else "") + content
        for title, words, content in sections
        if content
    )
    return f"<h2>{escape(name)}</h2>{shown}"


def _wide(table: str) -> str:
    return f'<div class="wide">{table}</div>' if table else ""
