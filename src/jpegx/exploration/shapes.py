"""The shapes that a region of a picture is put together from, and how they are written."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from jpegx.errors import JpegxError, PictureMismatch
from jpegx.io.picture_reader import open_picture
from jpegx.jpeg.box import Box

_RECTANGLE = re.compile(r"\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*,\s*(\d{1,9})\s*x\s*(\d{1,9})\s*")
_LARGEST = 1e6  # coordinate; no JPEG file has more than 65,535 pixels a side
MOST_POINTS = 100_000
_HALF = 128  # a mask is in where it is at least so white


class BadRegion(JpegxError):
    """A region that cannot be read, or holds no pixel of the picture."""


@dataclass(frozen=True)
class _Sides:
    """``width`` by ``height`` pixels from column ``x`` and row ``y`` on."""

    x: int
    y: int
    width: int
    height: int

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x, self.y, self.x + self.width, self.y + self.height


@dataclass(frozen=True)
class Rectangle(_Sides):
    """Whole pixels: ``width`` by ``height`` from column ``x`` and row ``y`` on."""

    def draw(self, box: Box) -> np.ndarray:
        """Which pixels of a box, inside of :meth:`box`, are in: bool (height, width)."""
        return np.ones((box.bottom - box.top, box.right - box.left), bool)


@dataclass(frozen=True)
class Ellipse(_Sides):
    """The ellipse that touches the sides of a rectangle; pixels whose centres are in it."""

    def draw(self, box: Box) -> np.ndarray:
        """Which pixels of a box are in: bool (height, width)."""
        y = (np.arange(box.top, box.bottom) + 0.5 - self.y) / self.height * 2 - 1
        x = (np.arange(box.left, box.right) + 0.5 - self.x) / self.width * 2 - 1
        inside: np.ndarray = y[:, None] ** 2 + x**2 <= 1
        return inside


@dataclass(frozen=True)
class Polygon:
    """The inside (even-odd rule) of a closed line through ``points`` (x, y), in pixels.

    The upper left corner of the picture is (0, 0); pixels whose centres are inside are in.
    """

    points: tuple[tuple[float, float], ...]

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        across, down = zip(*self.points, strict=True)
        return min(across), min(down), max(across), max(down)

    def draw(self, box: Box) -> np.ndarray:
        """Which pixels of a box are in: bool (height, width)."""
        start = np.array(self.points)
        end = np.roll(start, -1, axis=0)
        columns = np.arange(box.left, box.right) + 0.5
        inside = np.zeros((box.bottom - box.top, len(columns)), bool)
        for row in range(len(inside)):
            y = box.top + row + 0.5
            cut = (start[:, 1] > y) != (end[:, 1] > y)
            (x0, y0), (x1, y1) = start[cut].T, end[cut].T
            crossings = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
            inside[row] = np.searchsorted(crossings, columns) % 2 == 1
        return inside


@dataclass(frozen=True)
class Mask:
    """A picture of the file's size; its pixels that are nearer to white than to black are in.

    ``pixels``: bool (height, width).
    """

    pixels: np.ndarray

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        rows, columns = (np.flatnonzero(self.pixels.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return 0, 0, 0, 0
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def draw(self, box: Box) -> np.ndarray:
        """Which pixels of a box are in: bool (height, width)."""
        return self.pixels[box.top : box.bottom, box.left : box.right]


Shape = Rectangle | Ellipse | Polygon | Mask


def parse_rectangle(text: str) -> Rectangle:
    """The rectangle of ``X,Y,WxH``. Raises BadRegion."""
    return Rectangle(*_numbers(text))


def parse_ellipse(text: str) -> Ellipse:
    """The ellipse in the rectangle ``X,Y,WxH``. Raises BadRegion."""
    return Ellipse(*_numbers(text))


def _numbers(text: str) -> tuple[int, int, int, int]:
    found = _RECTANGLE.fullmatch(text)
    if found is None:
        raise BadRegion(f"{text!r} is not X,Y,WxH, as 120,80,24x32")
    x, y, width, height = map(int, found.groups())
    if not width or not height or max(abs(x), abs(y), width, height) > _LARGEST:
        raise BadRegion(f"{text!r} is no rectangle in a picture")
    return x, y, width, height


def parse_polygon(text: str) -> Polygon:
    """The polygon of ``X,Y X,Y X,Y ...``. Raises BadRegion."""
    words = text.split()
    if not 3 <= len(words) <= MOST_POINTS:
        raise BadRegion("a polygon needs three points or more, as '10,10 60,10 35,50'")
    points = []
    for word in words:
        try:
            x, y = map(float, word.split(","))
        except ValueError:
            raise BadRegion(f"{word!r} is not a point X,Y of a polygon") from None
        if not (math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) <= _LARGEST):
            raise BadRegion(f"{word!r} is no point in a picture")
        points.append((x, y))
    return Polygon(tuple(points))


def read_mask(path: Path, size: tuple[int, int]) -> Mask:
    """The mask in a picture file of the size (width, height); white is in.

    Raises UnreadablePicture, PictureMismatch if it is of another size.
    """
    with open_picture(path, str(path)) as image:
        if image.size != size:
            raise PictureMismatch(
                f"{path}: a mask of {image.width}x{image.height} pixels, "
                f"the JPEG file has {size[0]}x{size[1]}"
            )
        shown: Image.Image = image.convert("L")
        return Mask(np.asarray(shown) >= _HALF)
