"""Crops side by side: the original, and what each decoder made of it."""

import base64
from collections.abc import Sequence
from html import escape

from jpegx.evaluation.benchmark.rows import ORIGINALS, Row
from jpegx.evaluation.benchmark.store import Store


def crops(rows: Sequence[Row], store: Store) -> str:
    """HTML of all crops of one data set, by picture and quality."""
    originals = next((row for row in rows if row.decoder == ORIGINALS), None)
    if originals is None:
        return ""
    parts = []
    for name in originals.crops:
        for quality in dict.fromkeys(row.quality for row in rows if row is not originals):
            shown = [originals, *(r for r in rows if r.quality == quality and r is not originals)]
            figures = "".join(_figure(row, name, store) for row in shown)
            title = escape(name) + ("" if quality is None else f", quality {quality}")
            parts.append(f'<h4>{title}</h4><div class="crops">{figures}</div>')
    return "".join(parts)


def _figure(row: Row, name: str, store: Store) -> str:
    picture = store.crop(row.crops[name]) if name in row.crops else None
    if picture is None:
        return ""
    data = base64.b64encode(picture).decode()
    more = ": sample 0, sample 1, mean, standard deviation" if row.samples > 1 else ""
    words = escape(row.decoder + more)
    return (
        f'<figure><img alt="{words}" src="data:image/webp;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
