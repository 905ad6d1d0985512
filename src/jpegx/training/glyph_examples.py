"""Letters and digits as files show them: drawn with fonts, degraded, compressed, in batches.

All of it is made in torch, many at a time: a turned, sheared glyph with parts of its neighbours, an
uneven ground, blur and noise, at 8 to 48 pixels a side; then the DCT of JPEG with the tables of a
quality, and what is decoded, or a random place in each cell. So the classifier knows what a file
leaves of a character, and what its samples look like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.rendered_glyphs import Font
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.tables import scaled_tables
from jpegx.models.glyph_classifier import NONE
from jpegx.models.zoo import CHARACTERS

_DRAWN = CHARACTERS + CHARACTERS[10:].lower()
_ATLAS, _TALL, _WIDE = 64, 44, 52  # pixels of a drawing, and of the glyph in it at most
_CANVAS = 96  # around a crop of 64 lie the neighbours
_SIZES = (10, 12, 14, 16, 20, 24, 32, 40, 48)  # pixels of a crop's side in the picture
_QUALITIES = (5, 95)
_NONE_SHARE = 0.08


@dataclass(frozen=True)
class Atlas:
    """Drawings, float32 (N, 64, 64), 0 to 1, and their classes (N)."""

    drawings: Tensor
    classes: Tensor


def draw_atlas(fonts: Sequence[Font]) -> Atlas:
    """All characters in all fonts that have them. Raises JpegxError if no font has any."""
    drawings, classes = [], []
    for font in fonts:
        missing = font.draw("\U000f0000", _TALL)  # what a font shows of a character it has not
        for character in _DRAWN:
            drawn = font.draw(character, _TALL)
            if drawn is None or (missing is not None and np.array_equal(drawn, missing)):
                continue
            drawings.append(_centred(drawn))
            classes.append(CHARACTERS.index(character.upper()))
    if not drawings:
        raise JpegxError("no letters or digits in these fonts")
    return Atlas(torch.stack(drawings), torch.tensor(classes))


def _centred(drawn: np.ndarray) -> Tensor:
    image = torch.tensor(drawn).float()[None, None]
    scale = min(_TALL / image.shape[2], _WIDE / image.shape[3])
    size = [max(1, round(n * scale)) for n in image.shape[2:]]
    small = F.interpolate(image, size, mode="bilinear", antialias=True)[0, 0]
    canvas = torch.zeros(_ATLAS, _ATLAS)
    top, left = ((_ATLAS - n) // 2 for n in size)
    canvas[top : top + size[0], left : left + size[1]] = small
    return canvas


class GlyphExamples:
    """Endless batches from an atlas; the same seed gives the same."""

    def __init__(self, atlas: Atlas, seed: int) -> None:
        self._atlas = atlas
        self._random = torch.Generator().manual_seed(seed)

    def batch(self, count: int, quality: int | None = None) -> tuple[Tensor, Tensor]:
        """Crops (count, 1, S, S) in gray levels of one size S, and their classes (count).

        ``quality``: of JPEG; None for a random one each, and for some none.
        """
        side = _SIZES[int(self._whole(0, len(_SIZES), 1))]
        index = self._whole(0, len(self._atlas.classes), count)
        classes = self._atlas.classes[index].clone()
        nothing = self._real(0, 1, count) < _NONE_SHARE
        classes[nothing] = NONE
        ink = self._placed(index, nothing)
        scene = self._scene(ink, side, classes)
        file = self._compressed(scene, quality)
        margin = (file.shape[2] - side) // 2
        down, across = margin + self._whole(-1, 2, 2)
        return file[:, :, down : down + side, across : across + side], classes

    def _placed(self, index: Tensor, nothing: Tensor) -> Tensor:
        """Coverage (N, 1, 96, 96): the glyph in the middle, at times neighbours at its sides."""
        count = len(index)
        size = self._real(0.7, 1.35, count)  # of a crop's height: 0.48 to 0.93
        far = self._real(0.9, 1.6, count) * (self._whole(0, 2, count) * 2 - 1)
        left = torch.where(nothing, far, self._real(-0.12, 0.12, count))
        middle = self._turned(index, size, left, self._real(-0.1, 0.1, count))
        shown = middle
        for side in (-1, 1):
            beside = (self._real(0, 1, count) < 0.4) & ~nothing
            other = self._whole(0, len(self._atlas.classes), count)
            gap = side * size * self._real(0.95, 1.25, count)
            neighbour = self._turned(other, size, left + gap, torch.zeros(count))
            shown = torch.maximum(shown, neighbour * beside[:, None, None, None])
        return shown

    def _turned(self, index: Tensor, size: Tensor, left: Tensor, top: Tensor) -> Tensor:
        count = len(index)
        angle = self._real(-0.15, 0.15, count)
        shear = self._real(-0.2, 0.2, count)
        narrow = self._real(0.75, 1.25, count)
        scale = _CANVAS / _ATLAS
        cos, sin = torch.cos(angle) * scale / size, torch.sin(angle) * scale / size
        theta = torch.stack(
            [
                torch.stack([cos / narrow, sin + shear * cos, -left / size], dim=1),
                torch.stack([-sin / narrow, cos, -top / size], dim=1),
            ],
            dim=1,
        )
        grid = F.affine_grid(theta, [count, 1, _CANVAS, _CANVAS], align_corners=False)
        return F.grid_sample(self._atlas.drawings[index][:, None], grid, align_corners=False)

    def _scene(self, ink: Tensor, side: int, classes: Tensor) -> Tensor:
        """Gray levels (N, 1, S', S') with S' a multiple of 8, at least 1.5 times ``side``."""
        count = len(ink)
        whole = -(-round(1.5 * side) // 8) * 8
        shown = max(1, round(_ATLAS * whole / side))  # of the canvas, about
        canvas = ink
        if shown > _CANVAS:
            more = shown - _CANVAS
            canvas = F.pad(ink, (more // 2, more - more // 2, more // 2, more - more // 2))
        elif shown < _CANVAS:
            less = (_CANVAS - shown) // 2
            canvas = ink[:, :, less : less + shown, less : less + shown]
        canvas = F.interpolate(canvas, (whole, whole), mode="bilinear", antialias=True)
        blurred = F.avg_pool2d(F.pad(canvas, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        soft = self._real(0, 1, count)[:, None, None, None] * (0.9 if side > 12 else 0.4)
        canvas = torch.lerp(canvas, blurred, soft)
        contrast = self._real(16, 180, count) * (self._whole(0, 2, count) * 2 - 1)
        room = 235 - contrast.abs()  # so that neither ink nor ground is cut off
        ground = 10 + self._real(0, 1, count) * room - contrast.clamp(max=0)
        size = contrast.abs()[:, None, None, None]
        texture = torch.zeros_like(canvas)
        for cells in (2, 4, whole // 2):  # uneven light, stains, grain
            grain = torch.randn(count, 1, cells, cells, generator=self._random)
            rough = self._real(0, 1, count)[:, None, None, None] ** 3
            up = F.interpolate(grain, (whole, whole), mode="bicubic", align_corners=False)
            texture += 0.25 * size * rough * up
        flat = (classes == NONE) & (self._real(0, 1, count) < 0.5)
        canvas = canvas * ~flat[:, None, None, None]
        noise = torch.randn(canvas.shape, generator=self._random)
        noise *= self._real(0, 8, count)[:, None, None, None]
        levels = ground[:, None, None, None] + contrast[:, None, None, None] * canvas + texture
        return (levels + noise).clamp(0, 255).round()

    def _compressed(self, scene: Tensor, quality: int | None) -> Tensor:
        """What a decoder shows of a file, or random places in its cells; some are no files."""
        count, whole = len(scene), scene.shape[2]
        transform = dct_matrix(torch.device("cpu"), torch.float32)
        blocks = scene.unfold(2, 8, 8).unfold(3, 8, 8).reshape(count, -1, 64) - 128
        if quality is None:
            qualities = self._whole(*_QUALITIES, count).tolist()
        else:
            qualities = [quality] * count
        tables = np.stack([scaled_tables(int(q))[0].reshape(64) for q in qualities])
        steps = torch.tensor(tables).float()[:, None]
        places = (blocks @ transform.T / steps).round()
        share = self._real(0, 1, count)[:, None, None]
        drawn = torch.rand(places.shape, generator=self._random) - 0.5
        # Where a file has 0, what was there is mostly near to it.
        drawn = torch.where(places == 0, drawn * drawn.abs() * 2, drawn)
        sampled = self._real(0, 1, count)[:, None, None] < 0.4
        places = places + torch.where(sampled, share * drawn, torch.zeros_like(drawn))
        made = (places * steps) @ transform + 128
        grid = made.view(count, whole // 8, whole // 8, 8, 8).transpose(2, 3)
        file = grid.reshape(count, 1, whole, whole).clamp(0, 255)
        plain = torch.full((count, 1, 1, 1), quality is None) & (
            self._real(0, 1, count)[:, None, None, None] < 0.15
        )
        return torch.where(plain, scene, file)

    def _real(self, low: float, high: float, count: int) -> Tensor:
        return torch.rand(count, generator=self._random) * (high - low) + low

    def _whole(self, low: int, high: int, count: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=self._random)
