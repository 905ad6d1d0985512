"""Pictures that a file is asked about: could it have come from this?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from jpegx.errors import PictureMismatch
from jpegx.exploration.selection import Selection, select
from jpegx.exploration.shapes import Mask
from jpegx.io.picture_reader import open_picture
from jpegx.jpeg.layout import Layout

_OPAQUE = 128  # of alpha: what is less so belongs to no hypothesis
_MOST_PIXELS = 1 << 28


@dataclass(frozen=True)
class Hypothesis:
    """A picture of a file's size, of which a part is meant.

    ``pixels``: uint8 (height, width, channels of the file); ``opaque``: which are meant, bool
    (height, width).
    """

    name: str
    pixels: np.ndarray
    opaque: np.ndarray

    def region(self, wanted: Selection) -> Selection:
        """What is asked about: the part of a region where it is opaque.

        Raises BadRegion if that is nothing.
        """
        return select(wanted.layout, [Mask(self.opaque & wanted.whole())])


def read_hypothesis(path: Path, layout: Layout, at: tuple[int, int] | None) -> Hypothesis:
    """A picture file, of the size of a JPEG file, or smaller with its upper left pixel ``at`` x, y.

    Where it is transparent, nothing is asked. Raises UnreadablePicture; PictureMismatch if it does
    not fit or has more than 8 bits a channel.
    """
    with open_picture(path, str(path)) as image:
        size = image.width, image.height
        if at is None and size != (layout.width, layout.height):
            raise PictureMismatch(
                f"{path}: it has {size[0]}x{size[1]} pixels, the JPEG file "
                f"{layout.width}x{layout.height}; of a smaller one say where it is with --at X,Y"
            )
        if size[0] * size[1] > _MOST_PIXELS or image.mode.startswith(("I", "F")):
            raise PictureMismatch(f"{path}: too large, or more than 8 bits a channel")
        rgba = np.asarray(image.convert("RGBA"))
    left, top = at or (0, 0)
    rows = range(max(0, top), min(layout.height, top + size[1]))
    columns = range(max(0, left), min(layout.width, left + size[0]))
    if not rows or not columns:
        raise PictureMismatch(f"{path}: at {left},{top} it is outside of the JPEG file's picture")
    part = rgba[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    canvas = np.zeros((layout.height, layout.width, 4), np.uint8)
    canvas[rows.start : rows.stop, columns.start : columns.stop] = part
    pixels = canvas[..., :3]
    if layout.channels == 1:
        pixels = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))[..., None]
    return Hypothesis(str(path), np.ascontiguousarray(pixels), canvas[..., 3] >= _OPAQUE)
