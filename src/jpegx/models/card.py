"""The strength of the noise that weights are used with, as their card says it. Needs no torch."""

from collections.abc import Mapping
from math import nan
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
