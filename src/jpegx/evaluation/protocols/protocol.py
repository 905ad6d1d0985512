"""Protocols: how a paper took the figures of one of its tables, and what it printed.

Each is a TOML file in ``tables``, by its name. Needs no torch.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jpegx.errors import JpegxError

_NEAR = 3  # how many last parts of a folder's path may say which set it is


class UnknownProtocol(JpegxError):
    """There is no protocol of this name."""


@dataclass(frozen=True)
class PublishedSet:
    """A data set of a table. ``folders``: what a folder that holds it may be called.

    ``pictures``: how many it has, None where the paper does not say. ``figures``: what the table
    prints, by the name of the method, the quality, and the key of the figure.
    """

    name: str
    folders: tuple[str, ...]
    pictures: int | None
    figures: Mapping[str, Mapping[int, Mapping[str, float]]]

    def is_called(self, name: str) -> bool:
        """Whether a folder of this name holds this set; only letters and digits count."""
        return _plain(name) in map(_plain, self.folders)


@dataclass(frozen=True)
class Protocol:
    """A table or figure of a paper.

    ``source``: paper and table. ``about``: one line of what it shows. ``columns``: keys of the
    figures that it has, in its order. ``qualities``: of its files. ``fixed``: options that it does
    not leave open, by the names of ``Request``; ``preset``: values for options that are not given;
    ``requires``: those that must be given. ``needs``: what the user must name beside the originals,
    each a line. ``remarks``: what must be said with its figures.
    """

    name: str
    source: str
    about: str
    columns: tuple[str, ...]
    qualities: tuple[int, ...]
    fixed: Mapping[str, Any]
    preset: Mapping[str, Any]
    requires: tuple[str, ...]
    needs: tuple[str, ...]
    remarks: tuple[str, ...]
    sets: tuple[PublishedSet, ...]

    def set_in(self, folder: Path) -> PublishedSet | None:
        """The set that a folder is called like: it, or else the two around it."""
        names = reversed(folder.resolve().parts[-_NEAR:])
        return next((s for name in names for s in self.sets if s.is_called(name)), None)


def protocol_names() -> list[str]:
    """The names of all protocols, sorted."""
    return sorted(path.name.removesuffix(".toml") for path in _tables().iterdir())


@cache
def read_protocol(name: str) -> Protocol:
    """The protocol of a name. Raises UnknownProtocol."""
    if name not in protocol_names():
        raise UnknownProtocol(f"{name}: no such protocol; there are {', '.join(protocol_names())}")
    table = tomllib.loads((_tables() / f"{name}.toml").read_text("utf-8"))
    columns = tuple(table["columns"])
    return Protocol(
        name,
        table["source"],
        table["about"],
        tuple(key for key in columns if not key.endswith("_std")),
        tuple(table["qualities"]),
        table["fixed"],
        table.get("preset", {}),
        tuple(table.get("requires", ())),
        tuple(table.get("needs", ())),
        tuple(table.get("remarks", ())),
        tuple(_read_set(each, columns) for each in table["sets"]),
    )


def _read_set(table: Mapping[str, Any], columns: tuple[str, ...]) -> PublishedSet:
    """A set; its rows have a list for each quality, in the order of the columns."""
    figures = {
        method: {
            int(quality): {
                key: float(value)
                for key, value in zip(columns, values, strict=True)
                if value != ""  # what the table leaves empty
            }
            for quality, values in rows.items()
        }
        for method, rows in table.get("rows", {}).items()
    }
    return PublishedSet(table["name"], tuple(table["folders"]), table.get("pictures"), figures)


def _tables() -> Any:  # noqa: ANN401 (a Traversable, whose module moved between Pythons)
    return files("jpegx.evaluation.protocols") / "tables"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
