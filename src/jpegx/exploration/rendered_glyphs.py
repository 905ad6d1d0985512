"""Letters and digits as templates: what share of each pixel of a region a glyph covers."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jpegx.errors import JpegxError
from jpegx.io.failures import reason_of

FONT_SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})
_FINE = 4  # a pixel is so many by so many of the drawing
_MOST_BYTES = 1 << 26
_MOST_SIDE = 512
_OWN = "Pillow's own"
_NO_CHARACTER = "\uffff"  # which no font has: drawn as what is missing is
_CHECKED = 64  # pixels of the drawing, by which characters are told from what is missing


class Font:
    """A font that glyphs are drawn with, by its file; None is Pillow's own.

    Raises JpegxError if the file is no font that FreeType reads.
    """

    def __init__(self, path: Path | None) -> None:
        self.name = _OWN if path is None else path.name
        self._path = path
        self._drawn: dict[tuple[str, int], Image.Image | None] = {}
        if path is not None:
            try:
                with path.open("rb") as stream:  # FreeType does not tell why it cannot
                    size = os.fstat(stream.fileno()).st_size
                if size > _MOST_BYTES:
                    raise JpegxError(f"{path}: more than {_MOST_BYTES >> 20} MiB for a font")
            except OSError as error:
                raise JpegxError(f"{path}: {reason_of(error)}") from None
        self.draw("0", 16)

    def draw(self, character: str, height: int, angle: float = 0.0) -> np.ndarray | None:
        """A character as high as ``height`` pixels of the drawing, 0 to 1; None if it is empty.

        ``angle``: degrees, to the left, by which it is turned then.
        """
        key = character, height
        if key not in self._drawn:
            self._drawn[key] = self._draw(character, height)
        image = self._drawn[key]
        if image is None:
            return None
        if angle:
            image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        drawn = np.asarray(image, np.float64) / 255
        rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def check(self, character: str) -> None:
        """Raise JpegxError if the font draws nothing for a character, or what it has for none."""
        drawn, missing = (self.draw(c, _CHECKED) for c in (character, _NO_CHARACTER))
        if drawn is None or (missing is not None and np.array_equal(drawn, missing)):
            raise JpegxError(
                f"{self.name} has no visible character {character!r}; leave it out, or take "
                "another font"
            )

    def _draw(self, character: str, height: int) -> Image.Image | None:
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
            raise JpegxError(
                f"{self.name}: not a font that can be drawn ({error}); name another"
            ) from None
        return image


@dataclass(frozen=True)
class Glyph:
    """A character of a font in a region: ``height`` pixels high, its corner at ``left``, ``top``.

    ``angle``: degrees, to the left, by which it is turned; the corner is then that of the turned
    one. ``coverage``: float64 (height, width) of the region, 0 to 1.
    """

    character: str
    font: Font
    height: int
    left: float
    top: float
    angle: float
    coverage: np.ndarray

    @property
    def text(self) -> str:
        """What messages call it."""
        turned = f", turned by {self.angle:g} degrees" if self.angle else ""
        place = f"{self.left:g},{self.top:g}"
        return f"{self.height} pixels high at {place}{turned}, {self.font.name}"


def find_fonts(path: Path) -> list[Font]:
    """The font of a file, or all of a folder, by name. Raises JpegxError: none, or broken ones."""
    if path.is_file():
        return [Font(path)]
    try:
        paths = sorted(p for p in path.iterdir() if p.suffix.lower() in FONT_SUFFIXES)
    except OSError as error:
        raise JpegxError(f"{path}: {reason_of(error)}") from None
    if not paths:
        kinds = ", ".join(sorted(FONT_SUFFIXES))
        raise JpegxError(f"{path}: no fonts in it ({kinds}); name a font, or a folder of them")
    return [Font(found) for found in paths]


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
            for top in range(height - rows + 1):
                for left in range(width - columns + 1):
                    coverage = _coverage(drawn, size, left * _FINE, top * _FINE)
                    yield Glyph(character, font, tall, left, top, 0.0, coverage)


def glyphs_near(glyph: Glyph, turn: float) -> Iterator[Glyph]:
    """A glyph moved by up to half a pixel each way, in quarters, and turned by ``turn`` degrees.

    To the left, not at all, and to the right; where it then lies in the region.
    """
    height, width = glyph.coverage.shape
    upright = glyph.font.draw(glyph.character, glyph.height * _FINE)
    assert upright is not None
    for angle in (-turn, 0.0, turn) if turn else (0.0,):
        drawn = glyph.font.draw(glyph.character, glyph.height * _FINE, angle)
        if drawn is None:
            continue
        # Turned about its middle.
        down, across = ((u - n) // 2 for u, n in zip(upright.shape, drawn.shape, strict=True))
        for by_down in range(-_FINE // 2, _FINE // 2 + 1):
            for by_across in range(-_FINE // 2, _FINE // 2 + 1):
                top = round(glyph.top * _FINE) + down + by_down
                left = round(glyph.left * _FINE) + across + by_across
                if (
                    min(top, left) < 0
                    or top + drawn.shape[0] > height * _FINE
                    or left + drawn.shape[1] > width * _FINE
                ):
                    continue
                coverage = _coverage(drawn, (width, height), left, top)
                place = left / _FINE, top / _FINE
                yield Glyph(glyph.character, glyph.font, glyph.height, *place, angle, coverage)


def _coverage(drawn: np.ndarray, size: tuple[int, int], left: int, top: int) -> np.ndarray:
    """A drawing in a region of (width, height) pixels, its corner so far from that of the region.

    In fractions of pixels, as the drawing has them.
    """
    width, height = size
    whole = np.zeros((height * _FINE, width * _FINE))
    whole[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    covered: np.ndarray = whole.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    return covered
