"""How the figures of the report look; needs matplotlib."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jpegx.evaluation.benchmark.decoders import PLAIN, PROJECTED
from jpegx.evaluation.benchmark.rows import ORIGINALS, PUBLISHED

# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GRAY = "#707070"
_JPEG = ("standard", "JPEG" + PUBLISHED)
_MARKERS = "osD^vP"


class Look:
    """Colours and marks of decoders, or of other lines, by name; the same in every figure.

    Hollow and dashed if projected, with dots too if by Eq. 11; hollow and dotted if published. The
    JPEG itself is gray.
    """

    def __init__(self, decoders: Sequence[str]) -> None:
        models = dict.fromkeys(map(_model, decoders))
        known = [model for model in models if model.partition(":")[0] not in _JPEG]
        self._index = {model: index for index, model in enumerate(known)}

    def of(self, decoder: str) -> dict[str, Any]:
        """Keywords for ``Axes.plot``."""
        model = _model(decoder)
        projected, published = decoder != model, decoder.endswith(PUBLISHED)
        index = self._index.get(model)
        if model == ORIGINALS:
            return {"color": "black", "linestyle": ":", "marker": ""}
        color = _GRAY if index is None else _COLORS[index % len(_COLORS)]
        lines = ":" if published else "-." if decoder.endswith(PLAIN) else "--"
        # Where colours come again the marks are other ones.
        mark = 0 if index is None else (index + index // len(_COLORS)) % len(_MARKERS)
        return {
            "color": color,
            "marker": "X" if index is None else _MARKERS[mark],
            "markersize": 6,
            "markerfacecolor": "white" if projected or published else color,
            "linestyle": lines if projected or published else "-",
            "linewidth": 1.3,
        }


def _model(decoder: str) -> str:
    """The decoder without the way its pictures are projected."""
    return decoder.removesuffix(PROJECTED).removesuffix(PLAIN)


def new_figure(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A figure with one plot for each title, three in a row, or two and two."""
    columns = 2 if len(titles) == 4 else min(3, len(titles))
    lines = -(-len(titles) // columns)
    figure = Figure(figsize=(3.9 * columns, 3.0 * lines + 0.5), layout="constrained")
    found = []
    for index, title in enumerate(titles):
        axes = figure.add_subplot(lines, columns, index + 1)
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
        found.append(axes)
    return figure, found


def add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend below all plots, each name once."""
    handles: dict[str, Artist] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=5,
        fontsize=8,
        frameon=False,
    )


def image(figure: Figure, words: str) -> str:
    """The figure as HTML that needs no other file. ``words``: what it shows, for who cannot see."""
    stream = BytesIO()
    with rc_context({"svg.hashsalt": "jpegx"}):  # the same figure is the same file
        figure.savefig(stream, format="svg", metadata={"Date": None})
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img class="figure" alt="{escape(words)}" src="data:image/svg+xml;base64,{data}">'
