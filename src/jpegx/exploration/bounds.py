"""What a file allows and forbids of a region's brightness and colour."""

from dataclasses import dataclass

import numpy as np

from jpegx.exploration.block_programs import largest
from jpegx.exploration.cell_bounds import Range, cell_range, used_blocks
from jpegx.exploration.extreme_pictures import extreme_picture
from jpegx.exploration.functionals import Functional, contrast, mean, sums_of_units
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.selection import Selection, Touched, touched
from jpegx.exploration.unit_programs import UnitPrograms

RING = 8  # pixels: what surrounds a region is so wide
# A unit whose certified end is nearer to a picture's than this share of the range, or than so many
# levels, is asked about no further.
_CLOSE, _NEAR = 0.01, 0.05


def functionals_of(region: Selection) -> tuple[Touched, list[Functional]]:
    """Means of all components over a region, its contrasts to what surrounds it; their units."""
    ring = region.ring(RING)
    around = region if ring is None else region.joined(ring)
    units, names = touched(around), list(enumerate(region.layout.names))
    found = [mean(f"mean {name}", c, region, units) for c, name in names]
    if ring is not None:
        found += [contrast(f"contrast {name}", c, region, ring, units) for c, name in names]
    return units, found


@dataclass(frozen=True)
class Bound:
    """What a file allows of one functional, least and most of each.

    ``cells``: certified, from the cells in closed form; ``gamut``: certified, with the gamut too
    (the same if it was not asked for). ``patches``: exact pictures that come near to the ends, and
    ``achieved``, what they have; None if they were not asked for.
    """

    functional: Functional
    cells: Range
    gamut: Range
    patches: tuple[Patch, Patch] | None = None
    achieved: tuple[float, float] | None = None


class Bounds:
    """Bounds of functionals over the units of a finisher.

    ``slack``: steps by which cells are widened for what is certified; pictures are exact as ever.
    """

    def __init__(self, finisher: Finisher, slack: float = 0.0) -> None:
        self._slack = slack
        self._finisher = finisher
        self._part = finisher.jpeg
        self._programs = UnitPrograms(self._part, slack)

    def quick(self, functional: Functional) -> Bound:
        """From the cells alone, in closed form."""
        ends = cell_range(used_blocks(self._part, functional, self._slack)[1])
        return Bound(functional, ends, ends)

    def thorough(self, functional: Functional, unit_programs: int) -> Bound:
        """With the gamut, and with pictures.

        ``unit_programs``: how many units, at most, are asked about the RGB cube at each end; first
        those with the widest gap between what is certified and what is shown. Raises JpegxError if
        SciPy is missing.
        """
        used, blocks = used_blocks(self._part, functional)
        wide = used_blocks(self._part, functional, self._slack)[1]
        cells = cell_range(wide)
        ends, patches, achieved = [], [], []
        for sign in (-1, 1):
            extreme = largest(blocks._replace(weights=sign * blocks.weights))
            patch = extreme_picture(self._finisher, functional, sign, extreme.samples, used)
            certain = (
                largest(wide._replace(weights=sign * wide.weights)) if self._slack else extreme
            )
            most = np.zeros(used.shape)
            most[used] = certain.most
            certified = sums_of_units(most, functional.component, self._part.layout)
            shown = sign * functional.by_unit(patch.pixels, self._part.layout)
            limit = max(_NEAR, _CLOSE * (cells.most - cells.least))
            gaps = certified - shown
            order = np.argsort(-gaps, axis=None, kind="stable")[:unit_programs]
            for flat in order:
                row, column = divmod(int(flat), gaps.shape[1])
                if gaps[row, column] < limit:
                    break
                found = self._programs.most(functional, sign, (row, column))
                certified[row, column] = min(certified[row, column], found)
            ends.append(sign * float(certified.sum()))
            patches.append(patch)
            achieved.append(sign * float(shown.sum()))
        gamut = Range(max(cells.least, ends[0]), min(cells.most, ends[1]))
        return Bound(functional, cells, gamut, (patches[0], patches[1]), (achieved[0], achieved[1]))
