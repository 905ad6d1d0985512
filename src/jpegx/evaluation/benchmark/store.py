"""What is measured already: lines of JSON under keys that say exactly what was measured.

A key is a digest of all that a result depends on (the picture, the file, the weights, the options).
So a run that was killed, or is started again with more models or other options, takes up what is
the same and measures what is not, and never mixes the two.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from jpegx.io.atomic_file import atomic_file, make_folder, remove_leftovers
from jpegx.io.paths import check_folder


def key_of(facts: Mapping[str, object]) -> str:
    """The key of a result that depends on these facts (anything that JSON holds)."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def _check(key: str, values: object) -> str:
    """A digest by which damage to a line is noticed."""
    return key_of({"key": key, "values": json.loads(json.dumps(values))})


def _is_array(path: Path) -> bool:
    try:
        np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError, SyntaxError):
        return False
    return True


class Store:
    """Results by key in a folder, which is made: ``measurements.jsonl``, one line each.

    A line that is damaged counts as not there: it is measured again.

    Arrays that are needed until a table row is complete lie in its folder ``work``, pictures for
    the report in ``crops``.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = folder / "measurements.jsonl"
        self._work = folder / "work"
        self._crops = folder / "crops"
        self._results: dict[str, dict[str, Any]] = {}
        make_folder(folder)
        check_folder(folder)
        for place in (folder, self._work, self._crops):
            remove_leftovers(place)
        if self._lines.exists():
            self._load()

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The values under a key. Raises KeyError."""
        return self._results[key]

    def put(self, key: str, about: Mapping[str, object], values: dict[str, Any]) -> None:
        """Keep values, and write them down. ``about``: for people who read the file."""
        line = json.dumps({"key": key, **about, "values": values, "check": _check(key, values)})
        with self._lines.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")
        self._results[key] = values

    def put_arrays(self, key: str, arrays: Sequence[np.ndarray]) -> None:
        """Keep arrays under a key until they are dropped."""
        for index, array in enumerate(arrays):
            written = BytesIO()  # to a file NumPy does not tell why it failed
            np.save(written, array)
            with atomic_file(self._array(key, index), overwrite=True) as stream:
                stream.write(written.getbuffer())

    def has_arrays(self, key: str, count: int) -> bool:
        """Whether so many arrays are there under a key, whole."""
        return all(_is_array(self._array(key, index)) for index in range(count))

    def array(self, key: str, index: int) -> np.ndarray:
        """One of the arrays under a key; it is read from the disk as it is used."""
        found: np.ndarray = np.load(self._array(key, index), mmap_mode="r")
        return found

    def drop_arrays(self, key: str, count: int) -> None:
        """Delete the arrays under a key, and the folder once it is empty."""
        for index in range(count):
            self._array(key, index).unlink(missing_ok=True)
        if self._work.exists() and not any(self._work.iterdir()):
            self._work.rmdir()

    def put_crop(self, key: str, picture: bytes) -> None:
        """Keep a picture for the report under a key."""
        with atomic_file(self._crops / f"{key}.webp", overwrite=True) as stream:
            stream.write(picture)

    def crop(self, key: str) -> bytes | None:
        """The picture under a key, None if there is none."""
        path = self._crops / f"{key}.webp"
        return path.read_bytes() if path.exists() else None

    def _array(self, key: str, index: int) -> Path:
        return self._work / f"{key}.{index}.npy"

    def _load(self) -> None:
        text = self._lines.read_text("utf-8", errors="replace")
        for line in text.splitlines():
            try:
                found = json.loads(line)
                whole = found["check"] == _check(found["key"], found["values"])
            except (ValueError, KeyError, TypeError, RecursionError):
                whole = False  # half a line, which a kill can leave, or damage
            if whole:
                self._results[found["key"]] = found["values"]
        if text and not text.endswith("\n"):
            with self._lines.open("a", encoding="utf-8") as lines:
                lines.write("\n")
