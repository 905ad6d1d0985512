"""Crops side by side: the original, and what each decoder made of it; to be enlarged and blinked.

The views of luma and chroma are filters of the browser over the same pictures.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from jpegx.evaluation.benchmark.panels import split_panels
from jpegx.evaluation.benchmark.rows import ORIGINALS, Row
from jpegx.evaluation.benchmark.store import Store

_PANELS = ("sample 0", "sample 1", "mean", "standard deviation")
_MAPS = ("squared error of the mean", "variance", "inconsistency")
_MEASURED = (_PANELS[3], *_MAPS)  # what is no picture: the views and blinking leave it alone
_LEVELS = (0, 0.1, 1, 5, 25, 100, 255)  # gray levels that the scales of the maps name
_HERE = Path(__file__).parent
_LUMA = (0.299, 0.587, 0.114)  # ITU-T T.871
_ROWS = {
    # By the name of the view: its gain, and the weights of R, G, B in each channel that is shown.
    "luma": (1, (_LUMA,) * 3),
    "chroma": (2, tuple(tuple((i == c) - w for i, w in enumerate(_LUMA)) for c in range(3))),
    "cb": (4, (tuple(((i == 2) - w) / 1.772 for i, w in enumerate(_LUMA)),) * 3),
    "cr": (4, (tuple(((i == 0) - w) / 1.402 for i, w in enumerate(_LUMA)),) * 3),
}
_CONTROLS = """
<div class="viewer">
<label>Enlarge <input class="zoom" type="range" min="1" max="8" value="2">
<output class="times">&times;2</output></label>
<label>Show <select class="view"><option value="picture">picture</option>
<option value="luma">luma</option><option value="chroma">colour alone, &times;2</option>
<option value="cb">Cb, &times;4</option><option value="cr">Cr, &times;4</option></select></label>
</div>
"""
_DIALOG = """
<dialog id="blink"><form method="dialog"><span id="blink-title"></span>
<label>Blink <input id="running" type="checkbox" checked></label>
<label>every <input id="pause" type="range" min="100" max="2000" step="100" value="600">
<output id="seconds">0.6 s</output></label>
<small>space: stop and go on; left, right: step</small><button>Close</button></form>
<figure><img id="stage" alt=""><figcaption id="stage-name"></figcaption></figure>
<div id="choices"></div></dialog>
"""


def viewer_head() -> str:
    """The style of the crops."""
    return f"<style>{(_HERE / 'crops.css').read_text('utf-8')}</style>"


def viewer_end() -> str:
    """What enlarges, blinks and filters the crops, for the end of the page."""
    filters = "".join(_filter(name, gain, rows) for name, (gain, rows) in _ROWS.items())
    script = (_HERE / "crops.js").read_text("utf-8")
    return (
        f'<svg width="0" height="0" aria-hidden="true" class="filters">{filters}</svg>'
        f"{_DIALOG}<script>{script}</script>"
    )


def crops(rows: Sequence[Row], store: Store) -> str:
    """HTML of all crops of one data set, by place and quality."""
    originals = next((row for row in rows if row.decoder == ORIGINALS), None)
    if originals is None:
        return ""
    parts = []
    for title in originals.crops:
        for quality in dict.fromkeys(row.quality for row in rows if row is not originals):
            shown = [originals, *(r for r in rows if r.quality == quality and r is not originals)]
            lines, width, single = list[str](), None, False
            for row in shown:
                strip = store.crop(row.crops[title]) if title in row.crops else None
                if strip is None:
                    continue
                found = split_panels(strip, width)
                width = found[0][1]
                drawn = store.crop(f"{row.crops[title]}.maps")
                figures = _figures(row, found, [] if drawn is None else split_panels(drawn, width))
                # Decoders of a single picture share a line, others begin one of their own.
                if len(figures) == 1 and single:
                    lines[-1] += figures[0]
                else:
                    lines.append("".join(figures))
                single = len(figures) == 1
            words = escape(title) + ("" if quality is None else f", quality {quality}")
            crops_of = "".join(f"<div>{line}</div>" for line in lines)
            parts.append(
                f'<section class="place"><h4>{words} <button type="button">Blink</button></h4>'
                f'<div class="crops">{crops_of}</div></section>'
            )
    if not parts:
        return ""
    page = "".join(parts)
    measured = [name for name in _MEASURED if f": {name}</figcaption>" in page]
    return f'{_scales(measured)}<div class="places">{_CONTROLS}{page}</div>'


_Picture = tuple[bytes, int, int]  # with its width and height


def _figures(row: Row, found: Sequence[_Picture], maps: Sequence[_Picture]) -> list[str]:
    """The panels of a decoder, and its maps; a single picture has no variance."""
    if len(found) == 1:
        figures = [_shown(row.decoder, "", *found[0])]
    else:
        pairs = zip(_PANELS, found, strict=True)
        figures = [_shown(row.decoder, name, *panel) for name, panel in pairs]
    for name, panel in zip(_MAPS, maps, strict=False):
        if name != "variance" or len(found) > 1:
            figures.append(_shown(row.decoder, name, *panel))
    return figures


def _shown(decoder: str, name: str, picture: bytes, width: int, height: int) -> str:
    data, words = base64.b64encode(picture).decode(), escape(f"{decoder}: {name}".rstrip(": "))
    kind = ' class="measured"' if name in _MEASURED else ""
    return (
        f'<figure><img alt="{words}"{kind} width="{width}" height="{height}" '
        f'style="--width:{width}px" src="data:image/webp;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _scales(names: Sequence[str]) -> str:
    """What the shades of measured panels stand for, in gray levels."""
    linear = {float(level): level / 25.5 for level in (0, 5, 10, 15, 20, 25)}
    # 8th roots of squares, and 4th roots.
    roots = {level: (level / 255) ** 0.25 for level in _LEVELS}
    scales = {
        _PANELS[3]: _scale("standard deviation", "black,white", linear),
        _MAPS[0]: _scale("roots of squared error and variance", "white,black", roots),
        _MAPS[2]: _scale("inconsistency", "black,white", roots),
    }
    bars = "".join(scale for name, scale in scales.items() if name in names)
    return f'<div class="scales">{bars}</div>'


def _scale(words: str, ends: str, places: Mapping[float, float]) -> str:
    marks = "".join(f'<b style="left:{100 * p:.1f}%">{level:g}</b>' for level, p in places.items())
    return (
        f'<div class="scale">{words}, gray levels'
        f'<div style="background:linear-gradient(to right,{ends})"></div><p>{marks}</p></div>'
    )


def _filter(name: str, gain: int, rows: Sequence[Sequence[float]]) -> str:
    offset = 0 if name == "luma" else 0.5
    lines = [" ".join(f"{gain * w:.6f}" for w in row) + f" 0 {offset}" for row in rows]
    values = " ".join([*lines, "0 0 0 1 0"])
    return (
        f'<filter id="show-{name}" color-interpolation-filters="sRGB">'
        f'<feColorMatrix type="matrix" values="{values}"/></filter>'
    )
