"""The regression that samples lie around, as the card of their weights names it. Needs no torch."""

from collections.abc import Mapping
from pathlib import Path

from jpegx.models.header import BadCheckpoint
from jpegx.models.zoo import installed

NO_CENTER = "none"


class BadCenter(BadCheckpoint):
    """The regression that samples are to lie around is none, or cannot be read."""


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
