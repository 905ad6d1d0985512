"""What is said about a file: kinds of statement that are never mixed.

*Cannot* is certified: it holds for every picture that libjpeg (islow DCT) could have made the file
from. *Can* has its picture: one that is exact, and was measured; of a picture that is not exact
*near* is said, as it shows nothing. *Likely* is what a sampler's draws show, and no better than the
sampler is calibrated. As data, as a line of text, and as JSON.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what needs no picture needs no torch
    from jpegx.exploration.patch import Patch

Json = dict[str, Any]
# Units, and methods of proof.
GRAY_LEVELS, RMSE = "gray levels", "gray levels RMSE"
CELLS, GAMUT, PARSEVAL = "cells", "cells and gamut", "cells, Parseval"


@dataclass(frozen=True)
class Cannot:
    """No picture that the file allows has less than ``least``, none more than ``most``.

    ``quantity``: what, in the words of the command; ``unit``: in what it is counted. Either end may
    be missing (None); with neither, the quantity itself is impossible. ``method``: how it is
    proven. ``margin``: for an impossibility, by how much the best certificate is beyond zero.
    """

    quantity: str
    unit: str
    least: float | None
    most: float | None
    method: str
    margin: float | None = None

    @property
    def text(self) -> str:
        """One line."""
        if self.least is None and self.most is None:
            return f"cannot  {self.quantity}: no picture that the file allows ({self.method})"
        ends = []
        if self.least is not None:
            ends.append(f"below {outward(self.least, up=False)}")
        if self.most is not None:
            ends.append(f"above {outward(self.most, up=True)}")
        return f"cannot  {self.quantity} {' or '.join(ends)} {self.unit} ({self.method})"

    def json(self) -> Json:
        """As JSON holds it."""
        return _json("cannot", self)


@dataclass(frozen=True)
class Can:
    """A picture that has ``value``. It is ``exact`` where no coefficient differs; else only near.

    ``patch``: its new pixels, None if it is a picture that the user gave; ``picture``: the file
    that it was written to, or that was given; None if it was not written.
    """

    quantity: str
    unit: str
    value: float
    different: int
    patch: "Patch | None" = field(default=None, repr=False)
    picture: str | None = None

    @property
    def exact(self) -> bool:
        """Whether the picture, encoded again, gives the file's own coefficients."""
        return self.different == 0

    @property
    def text(self) -> str:
        """One line."""
        told = "exact" if self.exact else f"not exact, {self.different} differ: not shown"
        where = "" if self.picture is None else f", {self.picture}"
        value = f"{_number(self.value)} {self.unit}"
        return f"{self._kind:<7} {self.quantity} {value} ({told}{where})"

    def json(self) -> Json:
        """As JSON holds it, without the pixels."""
        return _json(self._kind, self) | {"exact": self.exact}

    @property
    def _kind(self) -> str:
        return "can" if self.exact else "near"


@dataclass(frozen=True)
class Likely:
    """What a sampler's draws show: no proof. ``draws`` of them, and their law in ``values``.

    ``draws``: 0 for a law in closed form, which ``sampler`` then names. ``values``: such as "mean",
    "std", "quantile 0.05". ``calibration``: what is known of how far the spread is to be trusted.
    """

    quantity: str
    unit: str
    values: dict[str, float]
    sampler: str
    draws: int
    calibration: str

    @property
    def text(self) -> str:
        """One line."""
        told = ", ".join(f"{key} {_number(value)}" for key, value in self.values.items())
        source = f"{self.draws} draws of {self.sampler}" if self.draws else self.sampler
        return f"likely  {self.quantity} {told} {self.unit} ({source})"

    def json(self) -> Json:
        """As JSON holds it."""
        return _json("likely", self)


Statement = Cannot | Can | Likely


@dataclass(frozen=True)
class Answer:
    """What a tool has to say of a region of a file.

    ``tool``, ``file``, ``region``: what was asked; ``parameters``: how. ``verdict``: the answer in
    a line, where there is one. ``facts``: numbers that are no statements, such as what the present
    picture has. ``notes``: what must be known beside.
    """

    tool: str
    file: str
    region: str
    statements: Sequence[Statement]
    facts: Json = field(default_factory=dict)
    parameters: Json = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    verdict: str | None = None

    def lines(self) -> Iterator[str]:
        """The answer as lines of text."""
        told = "" if self.verdict is None else f": {self.verdict}"
        yield f"{self.file}: {self.tool}, region {self.region}{told}"
        for statement in self.statements:
            yield f"  {statement.text}"
        for note in self.notes:
            yield f"  note: {note}"

    def json(self) -> Json:
        """The answer as JSON holds it."""
        return {
            "tool": self.tool,
            "file": self.file,
            "region": self.region,
            "parameters": self.parameters,
            "facts": self.facts,
            "verdict": self.verdict,
            "statements": [statement.json() for statement in self.statements],
            "notes": list(self.notes),
        }


def levels(number: float) -> str:
    """So many gray levels, in words."""
    return f"{number:g} level{'' if number == 1 else 's'}"


def outward(end: float, *, up: bool) -> str:
    """A certified end with two digits, rounded so that no more is said than is certified."""
    hundredths = ceil(100 * end) if up else floor(100 * end)
    return f"{hundredths / 100:.2f}"


def _number(value: float) -> str:
    return f"{value:.2f}"


def _json(kind: str, statement: Statement) -> Json:
    values = {key: value for key, value in vars(statement).items() if key != "patch"}
    return {"kind": kind, **values}
