"""What a file allows and forbids of a region's brightness and colour."""

from jpegx.exploration.cell_bounds import cell_range
from jpegx.exploration.functionals import Functional, contrast, mean
from jpegx.exploration.selection import Selection, Touched, touched
from jpegx.exploration.statements import Answer, Cannot, Statement
from jpegx.jpeg.file import QuantizedJpeg

LEVELS = "gray levels"
RING = 8  # pixels: what surrounds a region is so wide


def functionals_of(region: Selection) -> tuple[Touched, list[Functional]]:
    """Means of all components over a region, its contrasts to what surrounds it; their units."""
    ring = region.ring(RING)
    around = region if ring is None else region.joined(ring)
    units, names = touched(around), list(enumerate(region.layout.names))
    found = [mean(f"mean {name}", c, region, units) for c, name in names]
    if ring is not None:
        found += [contrast(f"contrast {name}", c, region, ring, units) for c, name in names]
    return units, found


def bounds(jpeg: QuantizedJpeg, name: str, region: Selection) -> Answer:
    """What no picture that the file allows can have in a region."""
    units, functionals = functionals_of(region)
    part = units.jpeg(jpeg)
    statements: list[Statement] = []
    for functional in functionals:
        found = cell_range(part, functional)
        statements.append(
            Cannot(functional.quantity, LEVELS, found.least, found.most, "cells, closed form")
        )
    return Answer("bounds", name, region.text, statements)
