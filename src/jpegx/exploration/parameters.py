"""What tools are told: parameters, and whether values are such as they take. Needs no torch."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from jpegx.errors import JpegxError

Kind = Literal["number", "flag", "choice", "level", "image", "region", "periods", "classifier"]

LARGEST = 1e4
_MOST_PERIODS = 4


class BadParameter(JpegxError):
    """A parameter of a tool that cannot be used. ``parameter``: its name; ``reason``: why not."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        self.reason = reason


@dataclass(frozen=True)
class Parameter:
    """What a tool is told, beside the region. ``required``: without it there is nothing to do.

    Kinds: numbers have ends; a "level" is a number of gray levels, one of
    ``choices``, or "" for none; an "image" is uint8 (height, width, 4); a "region" is a RegionSpec;
    "periods" are pairs of numbers; a "classifier" is a NamedClassifier, of which
    a session holds the name and the digest alone.
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    least: float = -LARGEST
    most: float = LARGEST
    choices: tuple[str, ...] = ()
    required: bool = False


def checked(parameter: Parameter, value: Any) -> Any:  # noqa: ANN401 (any kind of value)
    """A value as the tool takes it. Raises BadParameter for what cannot be used."""
    if value is None:
        if parameter.required:
            raise BadParameter(parameter.name, "it must be given")
        return None
    match parameter.kind:
        case "number":
            return _number(parameter, value)
        case "level":
            return value if value in ("", *parameter.choices) else _number(parameter, value)
        case "flag":
            if not isinstance(value, bool):
                raise BadParameter(parameter.name, "it is yes or no")
        case "choice":
            if value not in parameter.choices:
                raise BadParameter(parameter.name, f"one of {', '.join(parameter.choices)}")
        case "periods":
            if not isinstance(value, list | tuple) or len(value) > _MOST_PERIODS:
                raise BadParameter(parameter.name, f"at most {_MOST_PERIODS} pairs of numbers")
            return [_period(parameter, pair) for pair in value]
        case "image" | "region" | "classifier":
            if isinstance(value, str | int | float | list | dict):
                raise BadParameter(parameter.name, f"it is no {parameter.kind}")
    return value


def _number(parameter: Parameter, value: Any) -> float:  # noqa: ANN401
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise BadParameter(parameter.name, f"{value[:40]!r} is no number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadParameter(parameter.name, "it is no number")
    if not parameter.least <= value <= parameter.most:
        ends = f"{parameter.least:g} to {parameter.most:g}"
        raise BadParameter(parameter.name, f"{value:g} is not in the range {ends}")
    return float(value)


def _period(parameter: Parameter, pair: Any) -> tuple[float, float]:  # noqa: ANN401
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise BadParameter(parameter.name, "pairs X,Y of numbers")
    x, y = (_number(Parameter(parameter.name, "number", "", None, -4096, 4096), v) for v in pair)
    if abs(x) + abs(y) < 1:
        raise BadParameter(parameter.name, "a period of less than a pixel")
    return x, y
