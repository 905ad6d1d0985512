"""The answer of ``jpegx explore bounds``: what a region can have, cannot have, and likely has."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jpegx.exploration.bounds import Bound, Bounds, functionals_of
from jpegx.exploration.doubts import doubts
from jpegx.exploration.draws import CALIBRATION, DrawRequest, draw, laws
from jpegx.exploration.functionals import Functional
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.selection import Selection, Touched
from jpegx.exploration.spread import MOST, measured, spread
from jpegx.exploration.statements import (
    CELLS,
    GAMUT,
    GRAY_LEVELS,
    PARSEVAL,
    Answer,
    Can,
    Cannot,
    Likely,
    Statement,
)
from jpegx.exploration.typical import LaplaceLaws
from jpegx.jpeg.file import QuantizedJpeg

_OF_LIBJPEG = (
    "cannot: for whatever libjpeg (islow DCT) could have made the file from; other encoders may "
    "round otherwise"
)
_OF = (
    "cannot: for every source none of whose coefficients (islow DCT) is farther than 0.5 + {:g} "
    "steps from the file's"
)
_NOTE = "Y, Cb and Cr are the encoder's samples; a region that cuts one counts it with its share"
_TYPICAL = (
    "places in the cells taken as independent: too narrow for regions of many blocks, "
    "whose places go together"
)


@dataclass(frozen=True)
class BoundsRequest:
    """How bounds are asked for.

    ``quantities``: the names of those wanted, all if there are none. ``quick``: from the cells
    alone, no gamut and no pictures. ``unit_programs``: units asked about the RGB cube at each end.
    ``draws``: to tell what is likely; None for none. ``slack``: steps by which cells are widened
    for what is certified, where the encoder did not simply round.
    """

    quantities: Sequence[str] = ()
    quick: bool = False
    unit_programs: int = 4
    draws: DrawRequest | None = None
    slack: float = 0.0


@dataclass(frozen=True)
class BoundsAnswer(Answer):
    """An answer with its pictures by name: ``mean Y least``."""

    pictures: dict[str, Patch] = field(default_factory=dict)


def answer_bounds(
    jpeg: QuantizedJpeg, name: str, region: Selection, request: BoundsRequest
) -> BoundsAnswer:
    """What a file allows of a region's means, contrasts and deviations, and what it forbids.

    Raises JpegxError: no such quantity (BadParameter), SciPy is missing, or a model cannot be
    opened.
    """
    units, functionals = functionals_of(region)
    spreads = {f"std {name}": c for c, name in enumerate(region.layout.names)}
    known = [f.quantity for f in functionals] + list(spreads)
    unknown = [q for q in request.quantities if q not in known]
    if unknown:
        raise BadParameter(
            "quantity", f"no {unknown[0]!r} of this region; there are {', '.join(known)}"
        )

    def wanted(quantity: str) -> bool:
        return not request.quantities or quantity in request.quantities

    chosen = [f for f in functionals if wanted(f.quantity)]
    work = _Work(jpeg, region, units, request.slack)
    statements: list[Statement] = []
    pictures: dict[str, Patch] = {}
    for functional in chosen:
        said, made = work.linear(functional, request)
        statements += said
        pictures |= made
    components = [c for quantity, c in spreads.items() if wanted(quantity)]
    for component in components:
        statements += work.deviations(component)
    if request.draws is not None and request.draws.draws:
        statements += work.likely(chosen, components, request.draws)
    parameters = {
        "quick": request.quick,
        "unit_programs": request.unit_programs,
        "slack": request.slack,
    }
    return BoundsAnswer(
        "bounds",
        name,
        region.text,
        statements,
        facts={"units": len(units.units), "shown": work.shown(chosen, components)},
        parameters=parameters,
        notes=(_OF.format(request.slack) if request.slack else _OF_LIBJPEG, _NOTE, *doubts(jpeg)),
        pictures=pictures,
    )


class _Work:
    """Statements about one region."""

    def __init__(
        self, jpeg: QuantizedJpeg, region: Selection, units: Touched, slack: float
    ) -> None:
        self._jpeg = jpeg
        self._region = region
        self._units = units
        self._finisher = Finisher(jpeg, units)
        self._part = self._finisher.jpeg
        self._bounds = Bounds(self._finisher, slack)
        self._slack = slack
        self._laws = LaplaceLaws(jpeg)

    def linear(
        self, functional: Functional, request: BoundsRequest
    ) -> tuple[list[Statement], dict[str, Patch]]:
        """What is said of a functional, and its pictures."""
        quantity = functional.quantity
        said: list[Statement] = []
        pictures: dict[str, Patch] = {}
        if request.quick:
            found = self._bounds.quick(functional)
            said.append(Cannot(quantity, GRAY_LEVELS, *found.cells, CELLS))
        else:
            found = self._bounds.thorough(functional, request.unit_programs)
            said.append(Cannot(quantity, GRAY_LEVELS, *found.gamut, GAMUT))
            said += self._shown(found, pictures)
        mean, std = self._laws.moments(self._part, functional)
        values = {"mean": mean, "std": std}
        said.append(Likely(quantity, GRAY_LEVELS, values, "independent Laplace laws", 0, _TYPICAL))
        return said, pictures

    def _shown(self, found: Bound, pictures: dict[str, Patch]) -> list[Statement]:
        said: list[Statement] = []
        if found.patches is not None and found.achieved is not None:
            ends = zip(("least", "most"), found.patches, found.achieved, strict=True)
            for end, patch, value in ends:
                name = f"{found.functional.quantity} {end}"
                pictures[name] = patch
                said.append(
                    Can(found.functional.quantity, GRAY_LEVELS, value, patch.different, patch, None)
                )
        return said

    def deviations(self, component: int) -> list[Statement]:
        """What is said of the standard deviations of a component."""
        name = self._region.layout.names[component]
        found = spread(self._part, component, self._region, self._units, self._slack)
        ends = {f"std {name}": found.total, f"std within blocks {name}": found.within}
        said: list[Statement] = []
        for quantity, end in ends.items():
            if end is not None:
                # That samples from 0 to 255 do not differ by more is nothing that the file tells.
                most = end.most if end.most < MOST else None
                said.append(Cannot(quantity, GRAY_LEVELS, end.least, most, PARSEVAL))
        return said

    def likely(
        self, functionals: Sequence[Functional], components: Sequence[int], request: DrawRequest
    ) -> list[Statement]:
        """What the draws of a sampler show."""
        sampler = request.open()
        rows = [
            self._values(patch.pixels, functionals, components)
            for patch in draw(self._jpeg, self._finisher, sampler, request.draws, request.seed)
        ]
        return [
            Likely(
                quantity,
                GRAY_LEVELS,
                laws(np.array([row[quantity] for row in rows])),
                sampler.name,
                len(rows),
                CALIBRATION,
            )
            for quantity in rows[0]
        ]

    def shown(
        self, functionals: Sequence[Functional], components: Sequence[int]
    ) -> dict[str, float]:
        """What an ordinary decoder's picture has, rounded: it need not be exact."""
        pixels = self._finisher.decoded().round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        return self._values(pixels, functionals, components)

    def _values(
        self, pixels: np.ndarray, functionals: Sequence[Functional], components: Sequence[int]
    ) -> dict[str, float]:
        values = {f.quantity: f.value(pixels, self._part.layout) for f in functionals}
        for component in components:
            total, _ = measured(pixels, self._part, component, self._region, self._units)
            values[f"std {self._region.layout.names[component]}"] = total
        return values
