"""The values of a tool's parameters as JSON holds them: in sessions, and from the page."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.region_spec import (
    RegionSpec,
    parse_region,
    png_base64,
    read_base64,
)
from jpegx.exploration.tools import Tool
from jpegx.jpeg.layout import Layout
from jpegx.models.glyph_classifier import NamedClassifier


def values_json(tool: Tool, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values as JSON holds them: pictures as PNG in base64, regions as objects.

    Of a classifier its name and the digest of its file.
    """
    return {name: _json(value) for name, value in tool.checked(values).items() if value is not None}


def parse_values(
    tool: Tool,
    data: Any,  # noqa: ANN401 (any JSON)
    layout: Layout,
    classifiers: Sequence[NamedClassifier] = (),
) -> dict[str, Any]:
    """The checked values of JSON of anybody's. Raises JpegxError, BadParameter among them.

    ``classifiers``: those that may be meant; no file is opened because JSON names it.
    """
    if not isinstance(data, dict):
        raise BadParameter("parameters", "they are an object")
    kinds = {parameter.name: parameter.kind for parameter in tool.parameters}
    values = {
        name: _classifier(name, value, classifiers)
        if kinds.get(name) == "classifier" and value is not None
        else _parsed(kinds.get(name), name, value, layout)
        for name, value in data.items()
    }
    return tool.checked(values)


def finite(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """JSON without numbers that are none: they become null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        return {"png": png_base64(value)}
    if isinstance(value, NamedClassifier):
        return {"name": value.name, "digest": value.digest}
    return value.json() if isinstance(value, RegionSpec) else value


def _parsed(kind: str | None, name: str, value: Any, layout: Layout) -> Any:  # noqa: ANN401
    if value is None:
        return None
    if kind == "image":
        if not isinstance(value, dict) or not isinstance(value.get("png"), str):
            raise BadParameter(name, "a picture is an object with a png in base64")
        return read_base64(value["png"], name)
    return parse_region(value, layout) if kind == "region" else value


def _classifier(
    name: str,
    value: Any,  # noqa: ANN401 (any JSON)
    classifiers: Sequence[NamedClassifier],
) -> NamedClassifier:
    told = value if isinstance(value, dict) else {"name": value}
    for classifier in classifiers:
        if classifier.digest == told.get("digest"):
            return classifier
    called = str(told.get("name"))[:200]
    reason = "the one that is given is another" if classifiers else "it is not opened by itself"
    raise BadParameter(name, f"{called!r} was asked, and {reason}; give that file, unchanged")
