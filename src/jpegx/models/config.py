"""The configuration of a generator: a frozen dataclass of plain numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self, get_type_hints


@dataclass(frozen=True)
class Config:
    """Base of the configurations. Fields are int, bool, or tuple[int, ...], all with defaults."""

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON can hold them: tuples become lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The configuration that :meth:`to_dict` wrote; fields that are missing keep their default.

        Raises ValueError for an unknown field, a wrong type or an impossible value.
        """
        types = get_type_hints(cls)
        known = {f.name for f in fields(cls)}
        checked: dict[str, object] = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown field {str(name)[:40]!r}")
            checked[name] = _checked(name, value, types[name])
        return cls(**checked)


def _checked(name: str, value: object, wanted: object) -> object:
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted is int and _is_integer(value):
        return value
    wants_list = wanted == tuple[int, ...]
    if wants_list and isinstance(value, list | tuple) and all(_is_integer(v) for v in value):
        return tuple(value)
    raise ValueError(f"field {name!r} has the wrong type")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
