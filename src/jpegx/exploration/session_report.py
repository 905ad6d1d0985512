"""The report of a session: one HTML page with all it needs, to be read without jpegx."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

import numpy as np

from jpegx import __version__
from jpegx.errors import printable
from jpegx.exploration.region_spec import parse_region, png_base64
from jpegx.exploration.selection import widened
from jpegx.exploration.session import Session
from jpegx.exploration.statements import outward
from jpegx.exploration.step import Step
from jpegx.io.png import pillow_image
from jpegx.jpeg.describe import describe

_AROUND = 24  # pixels around the units, in the pictures
_SHOWN = 320  # pixels that small pictures are enlarged to, by whole factors
_LARGEST = 640  # pixels of a picture each way; larger ones are reduced
_KINDS = {
    "cannot": "Certified: no picture that the file allows is beyond it.",
    "can": "Shown: an exact picture has it.",
    "near": "Not shown: a picture that is not exact has it.",
    "likely": "The sampler's opinion, no proof.",
}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;
color:#1a1a1a;background:#fff}h1,h2,h3{line-height:1.2}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{border-bottom:1px solid #ddd;padding:.25rem .6rem;text-align:left;vertical-align:top}
th{font-weight:600}.pictures{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}
figure{max-width:100%}td,th{overflow-wrap:anywhere}
img{image-rendering:pixelated;max-width:100%;height:auto;border:1px solid #ccc}
figcaption{font-size:.85rem}
.cannot{color:#9b1c1c}.can{color:#14532d}.likely{color:#1e3a8a}.bad{background:#fde8e8}
section{border-top:2px solid #ddd;margin-top:2rem}code{overflow-wrap:anywhere}
.scroll{overflow-x:auto}
"""
_LIMITS = (
    "“Cannot” holds for whatever libjpeg (islow DCT) could have made this file from. "
    "Other encoders may round otherwise, and trellis quantization (mozjpeg) may leave the cells.",
    "“Can” pictures are exact: encoded again with the file's tables they give the file's own "
    "coefficients. There are many such pictures; none is the photograph.",
    "“Likely” is what a sampler draws. It is no better than the pictures that it was trained "
    "on, and than its calibration (jpegx eval).",
    "Digits, letters and faces are not identified by a picture that is possible. "
    "Not for diagnosis.",
)


def session_report(session: Session) -> str:
    """The report as HTML. Raises BadSession if pictures of the session are missing."""
    bench = session.workbench
    steps = tuple(session.steps.values())  # the page may make more meanwhile
    parts = [
        f"<h1>{_text(bench.name)}</h1>",
        "<p>What this JPEG file allows, what it forbids, and what was tried; "
        f"pictures: {len(steps)}, questions: {len(session.answers)}.</p>",
        _facts(session),
        _kinds(),
    ]
    parts += _answers(session.answers)
    parts += [_step(session, step) for step in steps]
    parts.append(_hypotheses(steps, session.answers))
    parts.append("<section><h2>Limits</h2>" + "".join(f"<p>{line}</p>" for line in _LIMITS))
    title = _text(bench.name)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}: report</title><style>{_STYLE}</style>{''.join(parts)}</section></html>\n"
    )


def _facts(session: Session) -> str:
    bench = session.workbench
    jpeg, spec = bench.jpeg, bench.spec
    told = describe(jpeg)
    near = "" if told.quality_exact else "near "
    quality = f"{near}{told.quality}" if told.quality else "tables unlike the IJG's"
    rows: dict[str, Any] = {
        "size": f"{jpeg.layout.width} x {jpeg.layout.height} pixels",
        "what the file says (SHA-256 of coefficients and tables)": bench.file_hash,
        "quality of the tables": quality,
        "coding": f"{told.coding}, {told.scans} scans, {told.sampling}",
        "damage": "; ".join(jpeg.warnings) or "none seen",
        "steps of the luma's mean and first frequencies": str(jpeg.tables[0][:2, :2].tolist()),
        "sampler": f"{spec.label}, temperature {spec.temperature or 'of its card'}",
        "seed of the start": str(bench.seed),
        "jpegx": __version__,
    }
    return f"<h2>The file</h2>{_table(rows)}"


def _kinds() -> str:
    lines = (f'<dt class="{kind}">{kind}<dd>{text}' for kind, text in _KINDS.items())
    return f"<dl>{''.join(lines)}</dl>"


def _answers(answers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for answer in answers:
        yield (
            f"<section><h2>{_text(answer.get('tool'))}</h2>"
            f"<p>Region {_text(answer.get('region'))}, {_text(answer.get('time'))}</p>"
        )
        yield _statements(answer.get("statements"))
        yield "".join(f"<p>{_text(note)}</p>" for note in _list(answer.get("notes")))
        yield "</section>"


def _step(session: Session, step: Step) -> str:
    before = session.state_of(step.parent)
    after = session.state_of(step.id)
    units = session.patch(step.id).touched
    box = widened(units.box, _AROUND, units.layout)
    exact = "exact" if step.different == 0 else f"not exact: {step.different} coefficients differ"
    marked = " class=bad" if step.different else ""
    given = {key: _brief(value) for key, value in step.parameters.items()}
    rows = {
        "made of": f"step {step.parent}" if step.parent else "the start",
        "region": parse_region(step.place, before.workbench.jpeg.layout)
        .select(before.workbench.jpeg.layout)
        .text,
        "parameters": ", ".join(f"{key} {value}" for key, value in given.items()) or "none",
        "varied": step.over or "nothing",
        "seed": f"{step.seed}, picture {step.index + 1} of {step.alternatives}",
        "time": step.time,
        "units (MCUs) with new pixels": str(step.units),
        **{key.replace("_", " "): _brief(value) for key, value in step.numbers.items()},
    }
    notes = "".join(f"<p>{_text(note)}</p>" for note in step.notes)
    return (
        f"<section{marked}><h2>Step {step.id}: {_text(step.tool)}, {exact}</h2>"
        f'<div class="pictures">{_figure(before.look(box), "before")}'
        f"{_figure(after.look(box), 'after')}</div>"
        f"{_statements(step.statements)}{notes}{_table(rows)}</section>"
    )


def _hypotheses(steps: Sequence[Step], answers: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for step in steps:
        fate = "a picture exists" if step.different == 0 else "no exact picture was found"
        lines.append((f"step {step.id}: {step.tool}", f"{fate} ({step.different} differ)"))
    for answer in answers:
        kinds = [s.get("kind") for s in _list(answer.get("statements")) if isinstance(s, dict)]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _KINDS if kind in kinds)
        lines.append((f"{answer.get('tool')}, region {answer.get('region')}", told))
    rows = "".join(f"<tr><td>{_text(a)}<td>{_text(b)}" for a, b in lines)
    return (
        "<section><h2>All that was tried, also what failed</h2>"
        f'<div class="scroll"><table><tr><th>question<th>outcome{rows}</table></div></section>'
    )


def _statements(statements: Any) -> str:  # noqa: ANN401 (what a session holds)
    rows = []
    for said in _list(statements):
        if not isinstance(said, dict) or said.get("kind") not in _KINDS:
            continue
        kind = said["kind"]
        if kind == "cannot":
            ends = [
                f"{beyond} {outward(said[end], up=end == 'most')}"
                for end, beyond in (("least", "below"), ("most", "above"))
                if isinstance(said.get(end), float | int) and isfinite(said[end])
            ]
            value, how = " or ".join(ends) or "not at all", said.get("method")
        elif kind in ("can", "near"):
            value = _brief(said.get("value"))
            exact = kind == "can" and said.get("exact")
            how = "exact" if exact else f"{said.get('different')} coefficients differ"
        else:
            values = said.get("values")
            pairs = values.items() if isinstance(values, dict) else ()
            value = ", ".join(f"{key} {_brief(number)}" for key, number in pairs)
            source = f"{said['draws']} draws of " if said.get("draws") else ""
            how = f"{source}{said.get('sampler')}; {said.get('calibration')}"
        rows.append(
            f'<tr><td class="{kind}">{kind}<td>{_text(said.get("quantity"))}'
            f"<td>{_text(value)} {_text(said.get('unit'))}<td>{_text(how)}"
        )
    if not rows:
        return ""
    head = "<tr><th>kind<th>quantity<th>value<th>how it is known"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _figure(pixels: np.ndarray, caption: str) -> str:
    height, width = pixels.shape[:2]
    if max(height, width) > _LARGEST:
        shown = pillow_image(pixels)
        shown.thumbnail((_LARGEST, _LARGEST))
        pixels = np.atleast_3d(np.asarray(shown))
        height, width = pixels.shape[:2]
    scale = max(1, _SHOWN // max(height, width))
    source = f"data:image/png;base64,{png_base64(pixels)}"
    return (
        f'<figure><img src="{source}" width="{scale * width}" height="{scale * height}" '
        f'alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )


def _table(rows: Mapping[str, Any]) -> str:
    found = "".join(f"<tr><th>{_text(key)}<td>{_text(value)}" for key, value in rows.items())
    return f'<div class="scroll"><table>{found}</table></div>'


def _brief(value: Any) -> str:  # noqa: ANN401 (what a session holds)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.3g}" if isfinite(value) and abs(value) < 1e-2 else f"{value:.2f}"
    if isinstance(value, dict):
        return "a picture" if "png" in value else "a region"
    return str(value)[:200]


def _list(value: Any) -> list[Any]:  # noqa: ANN401 (what a session holds)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:  # noqa: ANN401 (what a session holds)
    return escape(printable(str(value)))
