"""The tables of a recipe as TOML has them, on those of the recipe that it builds on."""

import os
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jpegx.errors import JpegxError

Tables = dict[str, Any]


class BadRecipe(JpegxError):
    """A recipe that cannot be used: unknown, not TOML, an unknown key, an impossible value."""


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
        raise BadRecipe(f"{name}: no such recipe; choose {known}, or a file that ends in .toml")
    try:
        return Path(name).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecipe(f"{name}: not a text file") from error


def recipe_tables(
    text: str, name: str, check: Callable[[Tables, str], object], above: tuple[str, ...] = ()
) -> Tables:
    """The tables of a text, each key of which replaces that of the recipe called ``base``, if any.

    ``base``: a name, or a TOML file, relative to the folder of this one. ``name``: that of the
    text; ``above``: recipes that build on this one. ``check`` is called with the tables of each
    text and its name, so that it is blamed for its own. Raises BadRecipe.
    """
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRecipe(f"{name}: not TOML: {error}") from error
    base = own.pop("base", None)
    check(own, name)
    if base is None:
        return own
    if not isinstance(base, str):
        raise BadRecipe(f"{name}: base: must be the name of a recipe, not {base!r}")
    if base.endswith(".toml"):  # beside the file that names it
        base = os.path.normpath(Path(name).parent / base)
    if base in above:
        raise BadRecipe(f"{name}: base: {base} builds on this recipe itself")
    try:
        tables = recipe_tables(read_recipe(base), base, check, (*above, base))
    except BadRecipe as error:
        raise BadRecipe(f"{name}: base: {error}") from error
    except OSError as error:
        raise BadRecipe(f"{name}: base: {base}: {error.strerror}") from error
    for table, keys in own.items():
        tables[table] = {**tables.get(table, {}), **keys}
    return tables
