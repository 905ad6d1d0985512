"""Edits as data: what is asked for, and what came out with its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jpegx.exploration.minimise import Limits
from jpegx.exploration.patch import Patch
from jpegx.exploration.selection import Selection
from jpegx.exploration.statements import Answer, Can, Cannot, Statement
from jpegx.exploration.tools import Over

_DRAWS = 16  # of which the best is taken, where nothing else is said


@dataclass(frozen=True)
class Request:
    """An edit that is asked for.

    ``values``: of the tool's parameters. ``over``: what is varied; None, what is best.
    ``alternatives``: how many pictures. ``draws``: of how many the best is taken, over draws.
    """

    tool: str
    region: Selection
    values: Mapping[str, Any] = field(default_factory=dict)
    over: Over | None = None
    seed: int = 0
    alternatives: int = 1
    draws: int = _DRAWS
    limits: Limits = field(default_factory=Limits)

    @property
    def pictures(self) -> int:
        """How many pictures are made."""
        if self.tool == "copy":
            return 1
        return max(2, self.alternatives) if self.tool == "dissimilar" else self.alternatives


@dataclass(frozen=True)
class Edit:
    """One picture that an edit made, and its numbers.

    ``quantity``, ``unit``, ``before``, ``after``: what was striven for, ``after`` of the exact
    picture. ``start``, ``end``: the loss of the search. ``rmse``: gray levels between the pixels of
    the units before and after. ``facts``: more numbers. ``bounds``: certified ends of the quantity.
    ``doubts``: what is known of the file that makes these weaker.
    """

    tool: str
    region: Selection
    over: str
    seed: int
    patch: Patch
    quantity: str
    unit: str
    before: float
    after: float
    start: float
    end: float
    iterations: int
    seconds: float
    rmse: float
    changed: int
    facts: dict[str, Any] = field(default_factory=dict)
    bounds: tuple[Cannot, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, Any]:
        """All numbers, as JSON holds them."""
        told = {
            "before": self.before,
            "after": self.after,
            "start_objective": self.start,
            "end_objective": self.end,
            "iterations": self.iterations,
            "seconds": round(self.seconds, 2),
            "rmse_changed": self.rmse,
            "pixels_changed": self.changed,
            "different": self.patch.different,
            "coefficients": self.patch.total,
        }
        return told | self.facts

    def statements(self, picture: str | None = None) -> list[Statement]:
        """What is certain, then what its picture shows."""
        shown = Can(self.quantity, self.unit, self.after, self.patch.different, self.patch, picture)
        return [*self.bounds, shown]

    def answer(self, file: str, pictures: str | None = None) -> Answer:
        """What the user is told."""
        causes = self.patch.causes
        notes = self.doubts
        if not self.patch.exact:
            notes = (
                *notes,
                f"not exact: of {self.patch.total} coefficients {causes.gamut + causes.padding} "
                f"cannot be met by any 8-bit picture, for {causes.search} none was found",
            )
        parameters = {"over": self.over, "seed": self.seed}
        return Answer(
            self.tool,
            file,
            self.region.text,
            self.statements(pictures),
            self.numbers,
            parameters,
            notes,
        )
