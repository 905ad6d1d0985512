"""The configuration of a network: a frozen dataclass of plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Literal, Self, get_type_hints

# What a field is where networks are started from others, or blended:
# "size": must be the same; "depth": blocks a scale, of which one network may have more;
# "noise": on in samplers, off in regressions; "sampler": on or off, what only samplers have;
# "own": on or off, whatever the others have.
Role = Literal["size", "depth", "noise", "sampler", "own"]


def option(default: object, role: Role) -> Any:  # noqa: ANN401 (stands for a value of any type)
    """A field with a default and a role."""
    return field(default=default, metadata={"role": role})


@dataclass(frozen=True)
class Config:
    """Base of the configurations. All fields have defaults.

    They are int, float, bool, str, or tuple[int, ...].
    """

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

    @classmethod
    def started(
        cls, start: Mapping[str, object], given: Mapping[str, object], *, sampler: bool
    ) -> dict[str, object]:
        """That of a network which begins with the weights of another.

        ``start``: the other's. ``given``: what is asked for, unchecked; of it only what the roles
        of the fields allow is taken. ``sampler``: it is to be one.
        """
        config = dict(start)
        for name, role in cls._roles().items():
            if role == "depth":
                config[name] = _deeper(config.get(name), given.get(name))
            elif role == "noise" and sampler:
                config[name] = True
            elif name in given and (role == "own" or (role == "sampler" and sampler)):
                config[name] = given[name]
        return config

    @classmethod
    def joined(
        cls, configs: Sequence[Mapping[str, object]], samplers: Sequence[Mapping[str, object]]
    ) -> dict[str, object]:
        """That of a network which has every part that one of some has: the first one's, and more.

        ``samplers``: those of them that are samplers.
        """
        config = dict(configs[0])
        for name, role in cls._roles().items():
            if role == "depth":
                for other in configs:
                    config[name] = _deeper(config.get(name), other.get(name))
            elif role != "size":
                having = configs if role == "own" else samplers
                config[name] = any(other.get(name) for other in having)
        return config

    @classmethod
    def silent(cls, config: Mapping[str, object]) -> dict[str, object]:
        """That of the same network as a regression, without noise."""
        off = {name: False for name, role in cls._roles().items() if role == "noise"}
        return {**config, **off}

    @classmethod
    def _roles(cls) -> dict[str, Role]:
        return {f.name: f.metadata.get("role", "size") for f in fields(cls)}


def _deeper(ours: object, theirs: object) -> object:
    """Blocks at each scale, of the one that has more; ours where the scales differ.

    What is not a number comes through, to be refused with the network.
    """
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        try:
            return [max(pair) for pair in zip(ours, theirs, strict=True)]
        except TypeError:
            return theirs
    return ours


def _checked(name: str, value: object, wanted: object) -> object:
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted is int and _is_integer(value):
        return value
    if wanted is str and isinstance(value, str):
        return value
    if wanted is float and (isinstance(value, float) or _is_integer(value)):
        number = float(value)  # type: ignore[arg-type]
        if isfinite(number):
            return number
    wants_list = wanted == tuple[int, ...]
    if wants_list and isinstance(value, list | tuple) and all(_is_integer(v) for v in value):
        return tuple(value)
    raise ValueError(f"field {name!r} has the wrong type")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
