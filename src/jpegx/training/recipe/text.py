"""A recipe as TOML text, each key with what it means."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from jpegx.training.recipe.recipe import Recipe, recipe_schema


def recipe_text(recipe: Recipe) -> str:
    """A TOML file of all keys of a recipe, with comments; it reads back as the same recipe."""
    lines: list[str] = []
    for name in recipe_schema():
        lines += _lines(name, recipe.stages.get(name) or getattr(recipe, name))
    return "\n".join(lines[1:]) + "\n"


def _lines(name: str, options: object) -> Iterator[str]:
    """A table, and below it those that are in it."""
    assert is_dataclass(options)
    yield from ("", f"[{name}]")
    nested = {}
    for option in fields(options):
        value = getattr(options, option.name)
        if is_dataclass(value):
            nested[option.name] = value
            continue
        if isinstance(value, dict) and any(map(is_dataclass, value.values())):
            nested |= {f"{option.name}.{key}": each for key, each in value.items()}
            continue
        yield f"# {option.metadata['meaning']}"
        yield f"{option.name} = {toml_value(value)}"
    for key, value in nested.items():
        yield from _lines(f"{name}.{key}", value)


def toml_value(value: object) -> str:
    """A value as TOML writes it: bool, int, float, str, or a list or table of them."""
    if isinstance(value, dict):
        inside = ", ".join(f"{toml_value(str(k))} = {toml_value(v)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    # TOML's basic strings, numbers and booleans are JSON's, but for two: it knows no surrogates,
    # and DEL may not stand in a string.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
