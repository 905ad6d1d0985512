"""Where a picture can be pasted with the least violence to the file."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from jpegx.errors import JpegxError
from jpegx.exploration.cell_bounds import integer_cells
from jpegx.exploration.selection import Selection, select, touched
from jpegx.exploration.shapes import Rectangle
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_arrays import scaled_coefficients

_COARSE = (-6, -3, 0, 3, 6)
_FINE = (-1, 0, 1)
_BEST = 10
_LEAST_OVERLAP = 0.5


def rotated(picture: np.ndarray, degrees: float) -> np.ndarray:
    """A picture, uint8 (h, w, 4), turned to the left; its corners become transparent."""
    if not degrees:
        return picture
    turned = Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    return np.asarray(turned)


def best_place(
    jpeg: QuantizedJpeg,
    look: Callable[[Box], np.ndarray],
    region: Selection,
    picture: np.ndarray,
) -> Selection:
    """The rectangle near the region's box in which a pasted picture violates the file least.

    Left, top, width and height are moved by up to 7 pixels, in steps of 3, then around the ten best
    in steps of 1, as in the code of Bahat and Michaeli 2021; the score is the sum over luma of how
    far coefficients are outside of their cells, in steps. At least half of the box is kept.
    """
    box, layout = region.box, jpeg.layout
    around = select(
        layout,
        [
            Rectangle(
                box.left - 8, box.top - 8, box.right - box.left + 16, box.bottom - box.top + 16
            )
        ],
    )
    score = _Score(jpeg, look, around, picture)
    start = (box.left, box.top, box.right - box.left, box.bottom - box.top)
    found = {place: score(place) for place in _near(start, start, _COARSE, layout)}
    for place in sorted(found, key=lambda p: (found[p], p))[:_BEST]:
        for finer in _near(place, start, _FINE, layout):
            if finer not in found:
                found[finer] = score(finer)
    if not found:
        raise JpegxError("there is no room for the picture there; take a larger region")
    x, y, width, height = min(found, key=lambda p: (found[p], p))
    return select(layout, [Rectangle(x, y, width, height)])


_Place = tuple[int, int, int, int]


def _near(place: _Place, start: _Place, steps: tuple[int, ...], layout: Layout) -> list[_Place]:
    width, height = layout.width, layout.height
    found = []
    for dx in steps:
        for dy in steps:
            for dw in steps if steps is _FINE else (-3, 0, 3):
                for dh in steps if steps is _FINE else (-3, 0, 3):
                    x, y, w, h = place[0] + dx, place[1] + dy, place[2] + dw, place[3] + dh
                    inside = x >= 0 and y >= 0 and x + w <= width and y + h <= height
                    if inside and w >= 4 and h >= 4 and _overlap((x, y, w, h), start):
                        found.append((x, y, w, h))
    return found


def _overlap(place: _Place, start: _Place) -> bool:
    across = min(place[0] + place[2], start[0] + start[2]) - max(place[0], start[0])
    down = min(place[1] + place[3], start[1] + start[3]) - max(place[1], start[1])
    return max(0, across) * max(0, down) >= _LEAST_OVERLAP * start[2] * start[3]


class _Score:
    """How far a pasted picture takes the luma outside of its cells."""

    def __init__(
        self,
        jpeg: QuantizedJpeg,
        look: Callable[[Box], np.ndarray],
        around: Selection,
        picture: np.ndarray,
    ) -> None:
        units = touched(around)
        self._part = units.jpeg(jpeg)
        self._box = units.box
        self._pixels = look(self._box).astype(np.float32)
        self._low, self._high = integer_cells(self._part, 0)
        self._steps = 8 * self._part.tables[0]
        self._picture = Image.fromarray(picture)

    def __call__(self, place: _Place) -> float:
        x, y, width, height = place
        pasted = np.asarray(
            self._picture.resize((width, height), Image.Resampling.BILINEAR), np.float32
        )
        colours, alpha = pasted[..., :3], pasted[..., 3:] / 255
        if self._pixels.shape[2] == 1:
            colours = colours @ np.array([[0.299], [0.587], [0.114]], np.float32)
        mixed = self._pixels.copy()
        inner = Box(y, x, y + height, x + width).inside(self._box)
        part = mixed[inner.rows, inner.columns]
        part += alpha * (colours - part)
        scaled = scaled_coefficients(mixed.round().clip(0, 255).astype(np.uint8), self._part.layout)
        outside = np.maximum(self._low - scaled[0], scaled[0] - self._high).clip(min=0)
        return float((outside / self._steps).sum())
