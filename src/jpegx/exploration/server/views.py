"""What the page is told of a session, and how it asks for edits."""

import re
from io import BytesIO
from typing import Any

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.bounds import functionals_of
from jpegx.exploration.cell_bounds import cell_range, used_blocks
from jpegx.exploration.doubts import doubts
from jpegx.exploration.edit import Request
from jpegx.exploration.functionals import part_layout
from jpegx.exploration.minimise import Limits
from jpegx.exploration.parameters import BadParameter, Parameter
from jpegx.exploration.region_spec import RegionSpec, parse_region
from jpegx.exploration.selection import touched
from jpegx.exploration.server.page_worker import Worker
from jpegx.exploration.session import Session
from jpegx.exploration.spread import MOST, measured, spread
from jpegx.exploration.tools import OVERS, TOOLS, Tool, find_tool
from jpegx.exploration.wire import parse_values
from jpegx.io.png import pillow_image
from jpegx.jpeg.box import Box

_MOST_PIXELS = 1 << 23  # of one answer
Json = dict[str, Any]


def state_json(session: Session, worker: Worker) -> Json:
    """All that changes, and the file. Raises BadRegion for a session whose steps have none."""
    bench = session.workbench
    layout = bench.jpeg.layout
    version, job, (ended, message) = worker.version, worker.job, worker.outcome
    head = session.head
    return {
        "version": version,
        "file": {
            "name": bench.name,
            "width": layout.width,
            "height": layout.height,
            "unit": layout.mcu_size,
            "model": bench.spec.label,
            "doubts": doubts(bench.jpeg),
        },
        "head": head,
        "made": bench.is_made,
        "different": sum(session.steps[n].different for n in session.line(head)),
        "bookmarks": session.bookmarks,
        "steps": [_step_json(session, number) for number in tuple(session.steps)],
        "job": None if job is None else job.json(),
        "ended": ended,
        "message": message,
    }


def _step_json(session: Session, number: int) -> Json:
    step = session.steps[number]
    box = session.box(number)
    return {
        "id": step.id,
        "parent": step.parent,
        "tool": step.tool,
        "numbers": step.numbers,
        "statements": step.statements,
        "notes": step.notes,
        "box": [box.left, box.top, box.right - box.left, box.bottom - box.top],
    }


def catalogue_json(has_noise: bool, components: tuple[str, ...]) -> list[Json]:
    """The tools and their parameters, for the page to make forms of."""
    return [_tool_json(tool, has_noise, components) for tool in TOOLS.values()]


def _tool_json(tool: Tool, has_noise: bool, components: tuple[str, ...]) -> Json:
    overs = [over for over in OVERS if has_noise or over not in ("noise", "both")]
    return {
        "name": tool.name,
        "summary": tool.summary,
        "several": tool.several,
        "overs": overs if tool.objective or tool.name == "dissimilar" else [],
        "parameters": [
            _parameter_json(p, components) for p in tool.parameters if p.kind != "classifier"
        ],
    }


def _parameter_json(parameter: Parameter, components: tuple[str, ...]) -> Json:
    choices = [c for c in parameter.choices if parameter.name != "component" or c in components]
    return {
        "name": parameter.name,
        "kind": parameter.kind,
        "help": parameter.help,
        "default": parameter.default,
        "least": parameter.least,
        "most": parameter.most,
        "choices": choices,
    }


def bounds_json(session: Session, data: Any) -> Json:  # noqa: ANN401 (any JSON)
    """Certified ends of a region's means, contrasts and deviations, from the cells alone.

    Raises JpegxError.
    """
    bench = session.workbench
    spec = parse_region(_dict(data).get("region", {}), bench.jpeg.layout)
    region = spec.select(bench.jpeg.layout)
    units, functionals = functionals_of(region)
    part = units.jpeg(bench.jpeg)
    pixels = session.state.look(units.box)
    layout = part_layout(bench.jpeg.layout, units.box)
    rows: list[Json] = []
    for functional in functionals:
        least, most = cell_range(used_blocks(part, functional)[1])
        now = functional.value(pixels, layout)
        rows.append({"quantity": functional.quantity, "least": least, "most": most, "now": now})
    for component, name in enumerate(layout.names):
        ends = spread(part, component, region, units).total
        most_ = ends.most if ends.most < MOST else None
        now, _ = measured(pixels, part, component, region, units)
        rows.append({"quantity": f"std {name}", "least": ends.least, "most": most_, "now": now})
    return {"region": region.text, "units": len(touched(region).units), "rows": rows}


def request_of(session: Session, data: Any) -> tuple[RegionSpec, Request, int]:  # noqa: ANN401
    """The edit that the page asks for, and the step to make it of. Raises JpegxError."""
    given = _dict(data)
    known = {"tool", "region", "parameters", "over", "seed", "alternatives", "from"}
    if not set(given) <= known:
        raise BadParameter("request", f"it has {', '.join(sorted(known))}, nothing else")
    layout = session.workbench.jpeg.layout
    tool = find_tool(given.get("tool", ""))
    spec = parse_region(given.get("region", {}), layout)
    over = given.get("over") or None
    if over is not None and over not in OVERS:
        raise BadParameter("over", f"one of {', '.join(OVERS)}")
    parent = _whole(given, "from", session.head, 0, 1 << 40)
    if parent and parent not in session.steps:
        raise BadParameter("from", "there is no such step")
    request = Request(
        tool.name,
        spec.select(layout),
        parse_values(tool, given.get("parameters", {}), layout),
        over,
        _whole(given, "seed", 0, 0, (1 << 53) - 1),
        _whole(given, "alternatives", 1, 1, 8),
        limits=Limits(),
    )
    return spec, request, parent


def picture_png(session: Session, number: int, box: str | None, factor: str) -> bytes:
    """A part of a step's picture as PNG, reduced by a whole factor. Raises JpegxError."""
    scale = int(factor) if re.fullmatch("[0-9]{1,3}", factor) else 0
    layout = session.workbench.jpeg.layout
    whole = Box(0, 0, layout.height, layout.width)
    part = whole if box is None else _box(box, whole)
    if not 1 <= scale <= 64 or part.pixels // scale**2 > _MOST_PIXELS:
        raise BadParameter("box", "it is too large; take a part, or a scale")
    pixels = session.state_of(number).look(part)
    shown = pillow_image(pixels)
    if scale > 1:
        shown = shown.reduce(scale)
    stream = BytesIO()
    shown.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def copy_values(session: Session, number: int) -> dict[str, np.ndarray]:
    """What the tool copy needs to copy from a step. Raises JpegxError."""
    return {"picture": session.state_of(number).whole()}


def _box(text: str, whole: Box) -> Box:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise BadParameter("box", "X,Y,WIDTH,HEIGHT") from None
    if not (0 <= x < whole.right and 0 <= y < whole.bottom and width > 0 and height > 0):
        raise BadParameter("box", "it is not in the picture")
    return Box(y, x, min(y + height, whole.bottom), min(x + width, whole.right))


def _dict(data: Any) -> Json:  # noqa: ANN401 (any JSON)
    if not isinstance(data, dict):
        raise JpegxError("a request is an object")
    return data


def _whole(data: Json, name: str, default: int, least: int, most: int) -> int:
    value = data.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise BadParameter(name, f"a whole number, {least} to {most}")
    return value
