"""What the card of weights says about their use and their origin. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

from jpegx.models.checkpoint_header import BadCheckpoint

MAX_TEMPERATURE = 4.0


def card_temperature(path: Path, card: Mapping[str, object]) -> float:
    """The temperature that the card of the weights in a file asks for; 1, as in training, if none.

    Raises BadCheckpoint if it is not a number from 0 to 4.
    """
    try:
        temperature = float(str(card.get("temperature", 1)))
    except ValueError:
        temperature = nan
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise BadCheckpoint(f"{path}: its card asks for an impossible temperature")
    return temperature


@dataclass(frozen=True)
class Interpolation:
    """Weights on the line through two others (network interpolation, Wang et al. 2018).

    ``name``: of their file; ``start``, ``end``: of the files they were blended of. ``alpha``: the
    share of the end; that of the start is what is left of 1.
    """

    name: str
    start: str
    end: str
    alpha: float


def interpolation_of(path: Path, card: Mapping[str, object]) -> Interpolation | None:
    """What the card of the weights in a file, one of ``jpegx train blend``, says they lie between.

    None for other weights, and for those of one or of three and more files.
    """
    parts = card.get("blend_of")
    if not isinstance(parts, dict) or len(parts) != 2:
        return None
    start, end = (str(key).partition(" ")[2] for key in parts)  # behind its number
    last = list(parts.values())[1]
    alpha = last.get("share") if isinstance(last, dict) else None
    if not isinstance(alpha, int | float) or not isfinite(alpha):
        return None
    return Interpolation(path.stem, start, end, alpha)
