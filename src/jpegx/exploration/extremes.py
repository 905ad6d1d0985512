"""A region pushed as far as it goes, every way: the "automatic tool" of Bahat and Michaeli 2021."""

from collections.abc import Iterator

from jpegx.exploration.edit import Edit, Request
from jpegx.exploration.minimise import Limits
from jpegx.exploration.run_edit import run
from jpegx.exploration.selection import Selection
from jpegx.exploration.state import State

_LIMITS = Limits(40, 30.0)
_WAYS = (
    ("brightest", "brighten", {"to": "max"}),
    ("darkest", "darken", {"to": "max"}),
    ("most saturated", "saturation", {"strength": 100.0}),
    ("least saturated", "saturation", {"strength": -100.0}),
    ("most contrast", "variance", {"strength": 64.0}),
    ("least contrast", "variance", {"strength": -64.0}),
    ("pattern stronger", "magnitude", {"strength": 32.0}),
    ("smoothest", "smooth", {"flatten": True}),
)


def extreme_edits(state: State, region: Selection, seed: int) -> Iterator[tuple[str, Edit]]:
    """Names and edits, all over the cells, each from the same picture. Raises JpegxError."""
    colour = state.workbench.jpeg.layout.channels == 3
    for label, tool, values in _WAYS:
        if colour or tool != "saturation":
            request = Request(tool, region, values, "cells", seed, limits=_LIMITS)
            yield label, run(state, request)[0]
