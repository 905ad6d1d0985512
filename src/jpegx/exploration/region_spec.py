"""Regions as the user gives them, before the picture: put together from shapes, kept as JSON."""

import base64
import binascii
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.selection import SNAPS, Selection, Snap, select
from jpegx.exploration.shapes import (
    MOST_POINTS,
    BadRegion,
    Ellipse,
    Mask,
    Polygon,
    Rectangle,
    Shape,
    parse_ellipse,
    parse_polygon,
    parse_rectangle,
)
from jpegx.io.picture_reader import read_rgba
from jpegx.io.png import pillow_image
from jpegx.jpeg.layout import Layout

_MOST_SHAPES = 1000


@dataclass(frozen=True)
class RegionSpec:
    """The union of ``shapes``, the whole picture if there are none; ``invert``: all other pixels.

    ``snap``: see :class:`jpegx.exploration.selection.Selection`.
    """

    shapes: tuple[Shape, ...] = ()
    invert: bool = False
    snap: Snap = "none"

    def select(self, layout: Layout) -> Selection:
        """The region in a picture. Raises BadRegion if it holds no pixel."""
        return select(layout, self.shapes, invert=self.invert, snap=self.snap)

    def json(self) -> dict[str, Any]:
        """As JSON holds it; :func:`parse_region` reads it."""
        shapes = [_shape_json(shape) for shape in self.shapes]
        return {"shapes": shapes, "invert": self.invert, "snap": self.snap}


def parse_region(data: Any, layout: Layout) -> RegionSpec:  # noqa: ANN401 (any JSON)
    """The region that JSON of anybody's holds. Raises JpegxError, BadRegion among them."""
    if not isinstance(data, dict) or not set(data) <= {"shapes", "invert", "snap"}:
        raise BadRegion("a region is an object of shapes, invert and snap")
    shapes, invert, snap = (
        data.get("shapes", []),
        data.get("invert", False),
        data.get("snap", "none"),
    )
    if not isinstance(shapes, list) or len(shapes) > _MOST_SHAPES:
        raise BadRegion(f"a region has at most {_MOST_SHAPES} shapes")
    if not isinstance(invert, bool) or snap not in SNAPS:
        raise BadRegion(f"a region's invert is true or false, its snap one of {', '.join(SNAPS)}")
    parsed = tuple(_parse_shape(shape, layout) for shape in shapes)
    if sum(len(shape.points) for shape in parsed if isinstance(shape, Polygon)) > MOST_POINTS:
        raise BadRegion(f"the polygons of a region have at most {MOST_POINTS} points together")
    return RegionSpec(parsed, invert, snap)


def _shape_json(shape: Shape) -> dict[str, str]:
    match shape:
        case Rectangle():
            return {"rectangle": f"{shape.x},{shape.y},{shape.width}x{shape.height}"}
        case Ellipse():
            return {"ellipse": f"{shape.x},{shape.y},{shape.width}x{shape.height}"}
        case Polygon():
            return {"polygon": " ".join(f"{x!r},{y!r}" for x, y in shape.points)}
        case Mask():
            return {"mask": png_base64(shape.pixels[..., None].astype(np.uint8) * 255)}


def _parse_shape(data: Any, layout: Layout) -> Shape:  # noqa: ANN401
    if not isinstance(data, dict) or len(data) != 1:
        raise BadRegion("a shape is a rectangle, an ellipse, a polygon or a mask")
    ((kind, text),) = data.items()
    if not isinstance(text, str):
        raise BadRegion("a shape is written as text")
    match kind:
        case "rectangle":
            return parse_rectangle(text)
        case "ellipse":
            return parse_ellipse(text)
        case "polygon":
            return parse_polygon(text)
        case "mask":
            pixels = read_base64(text, "mask", (layout.width, layout.height))
            return Mask((pixels[..., :3].max(axis=2) >= 128) & (pixels[..., 3] >= 128))
    raise BadRegion(f"there is no shape {str(kind)[:40]!r}")


def png_base64(pixels: np.ndarray) -> str:
    """Pixels, uint8 (height, width, 1, 3 or 4), as a PNG in base64."""
    stream = BytesIO()
    pillow_image(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def read_base64(text: str, name: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """The pixels, uint8 (height, width, 4), of a picture in base64. Raises JpegxError.

    ``size``: (width, height) that it must have, if it must.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise JpegxError(f"{name}: no picture in base64") from None
    return read_rgba(BytesIO(data), name, size)
