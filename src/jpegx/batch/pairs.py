"""Which pictures of a folder belong to which JPEG files of another: by their names."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jpegx.io.inputs import PICTURE_SUFFIXES, Input, Say, find_pictures, split_suffix

# As ``jpegx.batch.outputs`` names them; the map of the standard deviation is no picture of a file.
_OF_SEVERAL = re.compile(r"(.+)_(\d+|mean)", re.DOTALL)
_MAP = "_std"


class Pair(NamedTuple):
    """A JPEG file and its pictures, sorted; none where there are none."""

    source: Input
    pictures: tuple[Path, ...]


def pair_up(
    sources: Sequence[Input], folder: Path, *, recursive: bool, failed: Say
) -> tuple[list[Pair], list[Path]]:
    """Each file with the pictures in a folder that are named like it, and the other pictures.

    x/photo.jpg has x/photo.png (or another ending), x/photo_0.png, x/photo_mean.png ... A name that
    is a file's own counts before one with a number: a_0.png belongs to a_0.jpg if there is one.
    Sub-folders that cannot be listed are told to ``failed``. Raises OSError if the folder cannot.
    """
    keys = {_key_of(source) for source in sources}
    inputs = {os.path.realpath(source.path) for source in sources}
    found: dict[Path, list[Path]] = {}
    rest = []
    for path in find_pictures(folder, recursive=recursive, failed=failed):
        if os.path.realpath(path) in inputs:
            continue
        relative = path.relative_to(folder)
        stem = split_suffix(path.name, PICTURE_SUFFIXES)[0]
        numbered = _OF_SEVERAL.fullmatch(stem)
        candidates = [stem, numbered[1]] if numbered else [stem]
        own = next((k for k in (_key(relative, c) for c in candidates) if k in keys), None)
        if own is not None:
            found.setdefault(own, []).append(path)
        elif _key(relative, stem.removesuffix(_MAP)) not in keys:
            rest.append(path)
    return [Pair(source, tuple(found.get(_key_of(source), ()))) for source in sources], rest


def _key_of(source: Input) -> Path:
    return _key(source.relative, split_suffix(source.relative.name)[0])


def _key(relative: Path, stem: str) -> Path:
    return relative.parent / f"{stem}."  # with the dot a stem may be "." itself
