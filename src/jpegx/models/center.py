"""The regression that samples lie around, as the card of their weights names it. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from jpegx.models.header import BadCheckpoint
from jpegx.models.zoo import installed

NO_CENTER = "none"


class BadCenter(BadCheckpoint):
    """The regression that samples are to lie around is none, or cannot be read."""


@dataclass(frozen=True)
class Drift:
    """Where the noise takes the mean of a sampler's samples, from its own picture without noise.

    Shares of the way ``to_center``, the regression, and ``to_decoded``, the decoded image, at a
    temperature of 1; they grow with the temperature. (Measured for ``general`` at 0.5, 0.9 and 1:
    0.31, 0.46, 0.52 and 0.03, 0.11, 0.14.)
    """

    to_center: float = 0.0
    to_decoded: float = 0.0


def card_center(path: Path, card: Mapping[str, object]) -> str:
    """The name of the installed weights, or "none", that the card of the weights in a file gives.

    Raises BadCheckpoint if they are not installed.
    """
    name = str(card.get("center", NO_CENTER))
    if name != NO_CENTER and name not in installed():
        raise BadCheckpoint(
            f"{path}: its card asks for the regression {name!r}, which is not installed; name one "
            f"with --center, or --center {NO_CENTER}"
        )
    return name


def card_drift(path: Path, card: Mapping[str, object]) -> Drift:
    """The drift that the card of the weights in a file gives, none if it does not.

    Raises BadCheckpoint if it is not two finite numbers.
    """
    given = card.get("drift")
    if given is None:
        return Drift()
    match given:
        case [int() | float() as to_center, int() | float() as to_decoded]:
            drift = Drift(to_center, to_decoded)
            if isfinite(to_center) and isfinite(to_decoded):
                return drift
    raise BadCheckpoint(f"{path}: its card has an impossible drift; measure it: jpegx train center")
