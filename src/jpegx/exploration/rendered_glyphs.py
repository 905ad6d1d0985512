"""Letters and digits as templates: what share of each pixel of a region a glyph covers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jpegx.errors import JpegxError

FONT_SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
_FINE = 4  # a pixel is so many by so many of the drawing
_MOST_BYTES = 1 << 26
_MOST_SIDE = 512
_OWN = "Pillow's own"


@dataclass(frozen=True)
class Glyph:
    """A character of a font in a region: ``height`` pixels high, its corner at ``left``, ``top``.

    ``coverage``: float64 (height, width) of the region, 0 to 1.
    """

    character: str
    font: str
    height: int
    left: int
    top: int
    coverage: np.ndarray

    @property
    def text(self) -> str:
        """What messages call it."""
        return f"{self.height} pixels high at {self.left},{self.top}, {self.font}"


class Font:
    """A font that glyphs are drawn with, by its file; None is Pillow's own.

    Raises JpegxError if the file is no font that FreeType reads.
    """

    def __init__(self, path: Path | None) -> None:
        self.name = _OWN if path is None else path.name
        self._path = path
        if path is not None:
            try:
                if path.stat().st_size > _MOST_BYTES:
                    raise JpegxError(f"{path}: more than {_MOST_BYTES >> 20} MiB for a font")
            except OSError as error:
                raise JpegxError(f"{path}: {error.strerror}") from None
        self.draw("0", 16)

    def draw(self, character: str, height: int) -> np.ndarray | None:
        """A character as high as ``height`` pixels of the drawing, 0 to 1; None if it is empty."""
        try:
            size = float(height)
            for _ in range(3):  # the size of a font is not the height of its letters
                font = (
                    ImageFont.load_default(size)
                    if self._path is None
                    else ImageFont.truetype(str(self._path), size)
                )
                left, top, right, bottom = font.getbbox(character)
                if right <= left or bottom <= top:
                    return None
                if max(right - left, bottom - top) > 4 * _FINE * _MOST_SIDE:
                    return None
                size = max(4.0, size * height / (bottom - top))
            image = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
            ImageDraw.Draw(image).text((1 - left, 1 - top), character, fill=255, font=font)
        except (OSError, ValueError, MemoryError, SystemError) as error:
            raise JpegxError(f"{self.name}: not a font that can be drawn ({error})") from None
        drawn = np.asarray(image, np.float64) / 255
        rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def find_fonts(folder: Path) -> list[Font]:
    """The fonts of a folder, by name. Raises JpegxError: no folder, no font, or a broken one."""
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in FONT_SUFFIXES)
    except OSError as error:
        raise JpegxError(f"{folder}: {error.strerror}") from None
    if not paths:
        raise JpegxError(f"{folder}: no fonts in it ({', '.join(sorted(FONT_SUFFIXES))})")
    return [Font(path) for path in paths]


def placed_glyphs(
    character: str, fonts: Sequence[Font], size: tuple[int, int], heights: Sequence[int]
) -> Iterator[Glyph]:
    """A character in each font and height at each whole pixel where it lies in a region.

    ``size``: (width, height) of the region.
    """
    width, height = size
    for font in fonts:
        for tall in heights:
            drawn = font.draw(character, tall * _FINE)
            if drawn is None:
                continue
            rows, columns = (-(-n // _FINE) for n in drawn.shape)
            if rows > height or columns > width:
                continue
            whole = np.zeros((rows * _FINE, columns * _FINE))
            whole[: drawn.shape[0], : drawn.shape[1]] = drawn
            small = whole.reshape(rows, _FINE, columns, _FINE).mean(axis=(1, 3))
            for top in range(height - rows + 1):
                for left in range(width - columns + 1):
                    coverage = np.zeros((height, width))
                    coverage[top : top + rows, left : left + columns] = small
                    yield Glyph(character, font.name, tall, left, top, coverage)
