"""Tables of TOML as dataclasses: what keys there are, of what type, and all that is wrong."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from jpegx.training.recipe.toml_tables import Tables

# What keys hold, by name: a type, or a dataclass for a table in turn.
Schema = Mapping[str, Any]

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def sound_tables(schema: Schema, given: Tables, problems: dict[str, str]) -> Tables:
    """The tables of a recipe without what is wrong with them, which is added to ``problems``.

    ``problems``: what is wrong by the key, written ``table.key``; each text begins with the key.
    """
    sound = {}
    for name, keys in given.items():
        if name not in schema:
            problems[name] = f"unknown table [{name}]; there are {', '.join(schema)}"
        elif not isinstance(keys, dict):
            problems[name] = f"{name}: must be a table"
        else:
            sound[name] = _sound_keys(schema[name], keys, name, problems)
    return sound


def _sound_keys(kind: type, given: Tables, where: str, problems: dict[str, str]) -> Tables:
    hints = get_type_hints(kind)
    sound: Tables = {}
    for name, value in given.items():
        path = f"{where}.{name}"
        try:
            if name not in hints:
                raise ValueError(f"unknown key; there are {', '.join(hints)}")
            inner, each = _table_in(hints[name])
            if inner is None:
                _read(hints[name], value)
                sound[name] = value
                continue
            if not isinstance(value, dict):
                raise ValueError("must be a table")
            if each:
                schema = dict.fromkeys(value, inner)
                below: dict[str, str] = {}
                sound[name] = sound_tables(schema, value, below)
                problems |= {f"{path}.{key}": f"{path}.{text}" for key, text in below.items()}
            else:
                sound[name] = _sound_keys(inner, value, path, problems)
        except ValueError as error:
            problems[path] = f"{path}: {error}"
    return sound


def _table_in(hint: Any) -> tuple[type | None, bool]:  # noqa: ANN401 (any type hint)
    """The dataclass that a key holds, None if none, and whether it holds several, by name."""
    several = get_origin(hint) is dict
    inner = get_args(hint)[1] if several else hint
    return (inner, several) if is_dataclass(inner) and isinstance(inner, type) else (None, False)


def read_table(kind: type, sound: Tables) -> Any:  # noqa: ANN401 (one of the dataclasses)
    """The dataclass of a sound table."""
    hints = get_type_hints(kind)
    values: dict[str, object] = {}
    for name, value in sound.items():
        inner, several = _table_in(hints[name])
        if inner is None:
            values[name] = _read(hints[name], value)
        elif several:
            values[name] = {key: read_table(inner, keys) for key, keys in value.items()}
        else:
            values[name] = read_table(inner, value)
    return kind(**values)


def lay_over(schema: Schema, base: Tables, own: Tables) -> Tables:
    """The keys of ``own`` on those of ``base``: a key that holds a table of its own replaces it."""
    result = dict(base)
    for name, value in own.items():
        inner, several = _table_in(schema[name])
        if inner is None:
            result[name] = value
        elif several:
            below = base.get(name, {})
            result[name] = lay_over(dict.fromkeys(value, inner), below, value)
        else:
            result[name] = lay_over(get_type_hints(inner), base.get(name, {}), value)
    return result


def _read(hint: Any, value: object) -> object:  # noqa: ANN401 (any type hint)
    """The value of a key, as its type has it. Raises ValueError."""
    if get_origin(hint) is tuple:
        return _numbers(get_args(hint), value)
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table, not {value!r}")
        inner = get_args(hint)[1]
        return value if inner is Any else {k: _read(inner, v) for k, v in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"must be {_WORDS[hint]}, not {value!r}")
    if isinstance(value, int | float) and not 0 <= value < 1e12:
        raise ValueError(f"{value} is out of range")
    return value


def _numbers(hints: tuple[Any, ...], value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of numbers, not {value!r}")
    if Ellipsis in hints:
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        raise ValueError(f"must be {len(hints)} numbers, not {value!r}")
    return tuple(_read(hint, item) for hint, item in zip(hints, value, strict=True))
