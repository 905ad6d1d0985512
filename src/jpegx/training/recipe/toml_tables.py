"""Recipes as TOML has them: where their texts are, changes to tables, tables on others."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jpegx.training.options import BadRecipe

Tables = dict[str, Any]

_MOST_BYTES = 1 << 20


def recipe_names() -> list[str]:
    """The recipes that come with jpegx."""
    folder = files("jpegx.training.recipe") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def read_recipe(name: str) -> str:
    """The text of a recipe: a name, or the path of a TOML file. Raises BadRecipe, OSError."""
    if name in recipe_names():
        return (files("jpegx.training.recipe") / "recipes" / f"{name}.toml").read_text("utf-8")
    if not name.endswith(".toml"):
        known = ", ".join(recipe_names())
        raise BadRecipe(name, [f"no such recipe; choose {known}, or a file that ends in .toml"])
    with Path(name).open("rb") as stream:
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise BadRecipe(name, [f"more than {_MOST_BYTES >> 20} MiB, which no recipe has"])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadRecipe(name, ["not a text file"]) from error


def parse_toml(text: str, name: str) -> Tables:
    """The tables of a text. Raises BadRecipe, which calls it ``name``."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BadRecipe(name, ["not TOML that can be read: nested too deeply"]) from error
    except ValueError as error:  # also of numbers with thousands of digits
        raise BadRecipe(name, [f"not TOML: {error}"]) from error


def apply_change(change: str, tables: Tables) -> str | None:
    """Make a change ``table.key=value`` to tables; returns what is wrong with it, if anything.

    The value is written as in TOML; a string may go without quotes.
    """
    path, equals, written = change.partition("=")
    parts = [part.strip().strip('"') for part in path.split(".")]
    if not equals or len(parts) < 2:
        return f"--set {change}: write table.key=value, as in regression.steps=1000"
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        value = written.strip()
    for part in parts[:-1]:
        tables = tables.setdefault(part, {})
        if not isinstance(tables, dict):
            return f"--set {change}: {part} is not a table"
    tables[parts[-1]] = value
    return None


def move_keys(tables: Tables, moves: Mapping[str, str]) -> None:
    """Take keys to where they belong by now; both places are written ``table.key``."""
    for old, new in moves.items():
        *path, last = old.split(".")
        source: object = tables
        for part in path:
            source = source.get(part) if isinstance(source, dict) else None
        if not isinstance(source, dict) or last not in source:
            continue
        moved = source.pop(last)
        for part in reversed(new.split(".")):
            moved = {part: moved}
        merge(tables, moved)


def merge(tables: Tables, others: Tables) -> None:
    """Put keys into tables, in the place of those of the same name."""
    for name, value in others.items():
        ours = tables.get(name)
        if isinstance(ours, dict) and isinstance(value, dict):
            merge(ours, value)
        else:
            tables[name] = value
