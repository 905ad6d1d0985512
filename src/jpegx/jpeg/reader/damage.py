"""Damage to a JPEG file in our own words."""

import re
from typing import NamedTuple

import numpy as np

# What libjpeg prints (jerror.h) and what it means to the user.
_DAMAGE = (
    ("premature end", "the picture data ends early"),
    ("bad huffman code", "corrupt data: part of the picture is wrong"),
    ("bad arithmetic code", "corrupt data: part of the picture is wrong"),
    ("instead of rst", "corrupt data: a restart marker is missing or out of order"),
    ("inconsistent progression", "corrupt data: progressive scans are out of order"),
    ("dct coefficient out of range", "corrupt data: a coefficient is out of range"),
    ("insufficient memory", "there is not enough memory for it"),
)
_EXTRA_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0x(\w\w)")
_END = "d9"


class Messages(NamedTuple):
    """``damage``: the picture is not all there. ``notes``: odd, but nothing is lost."""

    damage: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def translate(printed: str, *, restarts: bool) -> Messages:
    """What libjpeg printed, one message a line, as damage and notes in our own words.

    It prints no more than its first warning of a file. So what may hide others is damage: extra
    bytes anywhere but at the end, and there, too, if restart markers (``restarts``) may be missing.
    """
    damage: list[str] = []
    notes: list[str] = []
    for line in printed.splitlines():
        text = line.strip()
        extra = _EXTRA_BYTES.search(text)
        known = next((words for sign, words in _DAMAGE if sign in text.lower()), None)
        if extra and extra[2] == _END and not restarts:
            notes.append(f"{extra[1]} extra bytes behind the last scan were skipped")
        elif extra:
            # Before a restart marker the decoder has lost its way; nobody writes any between scans.
            damage.append(f"corrupt data: {extra[1]} bytes too many inside the picture")
        elif known or text:
            damage.append(known or f"libjpeg: {text}")
    return Messages(tuple(damage), tuple(notes))


def gray_share(coefficients: np.ndarray) -> float:
    """Share (0 to 1) of block rows at the bottom that hold nothing but zeros.

    ``coefficients``: (block rows, block columns, 8, 8) of one component.
    """
    rows = len(coefficients)
    filled = next((row + 1 for row in reversed(range(rows)) if coefficients[row].any()), 0)
    return (rows - filled) / rows
