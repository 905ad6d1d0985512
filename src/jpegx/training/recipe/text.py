"""A recipe as TOML text, each key with what it means."""

import json
from dataclasses import fields

from jpegx.training.recipe.recipe import Recipe


def recipe_text(recipe: Recipe) -> str:
    """A TOML file of all keys of a recipe, with comments; it reads back as the same recipe."""
    lines = []
    for table in fields(recipe):
        options = getattr(recipe, table.name)
        lines += ["", f"[{table.name}]"]
        for option in fields(options):
            lines.append(f"# {option.metadata['meaning']}")
            lines.append(f"{option.name} = {toml_value(getattr(options, option.name))}")
    return "\n".join(lines[1:]) + "\n"


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
