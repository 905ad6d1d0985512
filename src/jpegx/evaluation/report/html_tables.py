"""The tables of the report in HTML."""

from collections.abc import Sequence
from html import escape

from jpegx.evaluation.benchmark.rows import ORIGINALS, REFERENCE, Row
from jpegx.evaluation.report.columns import Column, best_rows, used_columns
from jpegx.metrics.calibration import CalibrationResult
from jpegx.metrics.tally import BandCalibration

# With which figures the second and the third table begin: what the eye sees, and how honest the
# samples and the colours are.
_BREAKS = ("swd", "crps")


def figures_table(rows: Sequence[Row]) -> str:
    """All figures of one data set, in three tables; the best of each quality are bold."""
    parts: list[list[Column]] = [[]]
    for column in used_columns(rows):
        if column.key in _BREAKS and parts[-1]:
            parts.append([])
        parts[-1].append(column)
    return "".join(_part(rows, part) for part in parts if part)


def _part(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    heads = "".join(f'<th title="{escape(c.meaning)}">{escape(c.title)}</th>' for c in columns)
    lines = []
    # Of most columns a paper prints nothing.
    rows = [row for row in rows if not row.published or any(c.text(row) for c in columns)]
    for row in rows:
        peers = [r for r in rows if r.quality == row.quality and not r.published]
        alone = row.decoder in (ORIGINALS, REFERENCE) or row.published
        cells = []
        for column in columns:
            text = column.text(row)
            best = text and not alone and row in best_rows(peers, column)
            cells.append(f"<td>{f'<b>{text}</b>' if best else text}</td>")
        quality = "" if row.quality is None else str(row.quality)
        first = ' class="first"' if row is next(r for r in rows if r.quality == row.quality) else ""
        lines.append(
            f'<tr{first}><td>{quality}</td><th scope="row">{escape(row.decoder)}</th>'
            f"<td>{row.pictures or ''}</td>{''.join(cells)}</tr>"
        )
    return (
        f'<div class="wide"><table><thead><tr><th>QF</th><th>decoder</th><th>pictures</th>{heads}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def legend(rows: Sequence[Row]) -> str:
    """What the columns of the tables mean."""
    marks = {"high": " (high is good)", "low": " (low is good)", "": ""}
    terms = "".join(
        f"<dt>{escape(c.title)}</dt><dd>{escape(c.meaning)}{marks[c.better]}</dd>"
        for c in used_columns(rows)
    )
    return f"<dl>{terms}</dl>"


def calibration_table(rows: Sequence[Row]) -> str:
    """Coverage, spread against skill and CRPS, of pixels and of bands of the luma DCT."""
    found = [(row, row.calibration) for row in rows if row.calibration and row.samples > 1]
    if not found:
        return ""
    first = found[0][1].pixels.coverage
    heads = "".join(f"<th>in {level} %</th>" for level in first)
    lines = "".join(_bands(row, calibration) for row, calibration in found)
    return (
        "<table><thead><tr><th>QF</th><th>decoder</th><th>values</th><th>samples</th>"
        f"{heads}<th>spread/skill</th><th>CRPS</th></tr></thead><tbody>{lines}</tbody></table>"
    )


def means_table(rows: Sequence[Row]) -> str:
    """Spread against skill, and CRPS, of the means of squares by component."""
    found = [(row, row.calibration.means) for row in rows if row.calibration and row.samples > 1]
    names = list(dict.fromkeys(name for _, means in found for name in means))
    if not names:
        return ""
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(
        f'<tr><td>{"" if row.quality is None else row.quality}</td><th scope="row">'
        f"{escape(row.decoder)}</th>{''.join(_mean(means.get(name)) for name in names)}</tr>"
        for row, means in found
    )
    return (
        f"<table><thead><tr><th>QF</th><th>decoder</th>{heads}</tr></thead>"
        f"<tbody>{lines}</tbody></table>"
    )


def _mean(band: BandCalibration | None) -> str:
    if band is None:
        return "<td></td>"
    return f"<td>{band.spread_skill:.2f} <small>CRPS {band.crps:.3f}</small></td>"


def _bands(row: Row, calibration: CalibrationResult) -> str:
    lines = []
    for name, band in {"pixels": calibration.pixels, **calibration.bands}.items():
        covered = "".join(
            f"<td>{c.observed:.1%} <small>of {c.expected:.1%}</small></td>"
            for c in band.coverage.values()
        )
        whole = name == "pixels"
        quality = str(row.quality) if whole and row.quality is not None else ""
        lines.append(
            f"<tr{' class=first' if whole else ''}><td>{quality}</td>"
            f'<th scope="row">{escape(row.decoder) if whole else ""}</th>'
            f"<td>{escape(name)}</td><td>{calibration.samples}</td>{covered}"
            f"<td>{band.spread_skill:.3f}</td><td>{band.crps:.3f}</td></tr>"
        )
    return "".join(lines)
