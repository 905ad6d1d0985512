"""An image cut into tiles that a generator renders one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from jpegx.jpeg.box import Box


@dataclass(frozen=True)
class Tile:
    """One tile of a plan: ``written``, the part of the image it gives; ``seen``, with its context.

    ``blend``: pixels (down, across) at the top and the left of ``written`` over which the tile
    takes over from the earlier ones; 0 at the edge of the image.
    """

    written: Box
    seen: Box
    blend: tuple[int, int]

    def put(self, part: Tensor, image: Tensor) -> None:
        """Write this tile's ``written`` part (C, h, w) into an image (C, H, W) of any real type.

        Tiles must come in the order of the plan: each is mixed linearly with what is there. An
        integer image takes the nearest integers.
        """
        target = self.written.of(image)
        down, across = self.blend
        if down or across:
            height, width = part.shape[-2:]
            weight = _ramp(height, down, part)[:, None] * _ramp(width, across, part)
            mixed = torch.lerp(target.to(part.dtype), part, weight)
            # Where the weight is 1, nothing may be there yet.
            part = torch.where(weight < 1, mixed, part)
        target.copy_(part if image.is_floating_point() else part.round())


def _ramp(length: int, blend: int, like: Tensor) -> Tensor:
    """Weights of the new tile along one axis: rising over ``blend`` pixels, then 1."""
    position = torch.arange(length, dtype=like.dtype, device=like.device)
    return ((position + 0.5) / max(blend, 0.5)).clamp(max=1)


def plan(
    height: int, width: int, *, halo: int, multiple: int, blend: int, max_pixels: int
) -> list[Tile]:
    """Tiles that cover an image, row by row.

    ``halo``: context on each side, in pixels. ``multiple``: where tiles may begin. ``blend``:
    pixels over which neighbours are mixed, in addition to the halo. ``max_pixels``: that a tile may
    see; of the grids that obey it, the one that sees fewest pixels in all is taken, of those that
    do not (it is too small for any tile), the finest.
    """
    least = max(halo, multiple, 64)
    downs, acrosses = (
        [_spans(length, parts, halo, multiple, blend) for parts in range(1, length // least + 1)]
        or [_spans(length, 1, halo, multiple, blend)]
        for length in (height, width)
    )
    seen_down, seen_across = [_seen(s) for s in downs], [_seen(s) for s in acrosses]
    grids = [
        (tall * wide, row, column)
        for row, (largest, tall) in enumerate(seen_down)
        for column, (widest, wide) in enumerate(seen_across)
        if largest * widest <= max_pixels
    ]
    _, row, column = min(grids, default=(0, -1, -1))
    return list(_tiles(downs[row], acrosses[column]))


@dataclass(frozen=True)
class _Span:
    """A tile along one axis."""

    start: int
    end: int
    seen_start: int
    seen_end: int
    blend: int


def _spans(length: int, parts: int, halo: int, multiple: int, blend: int) -> list[_Span]:
    step = ceil(length / parts / multiple) * multiple
    spans = []
    for begin in range(0, length, step):
        end = min(begin + step, length)
        start = max(0, begin - blend // 2)
        stop = min(length, end + (blend - blend // 2))
        seen_start = max(0, (start - halo) // multiple * multiple)
        seen_end = min(length, ceil((stop + halo) / multiple) * multiple)
        spans.append(_Span(start, stop, seen_start, seen_end, blend if begin else 0))
    return spans


def _seen(spans: list[_Span]) -> tuple[int, int]:
    """How much the largest sees, and all together."""
    lengths = [s.seen_end - s.seen_start for s in spans]
    return max(lengths), sum(lengths)


def _tiles(downs: list[_Span], acrosses: list[_Span]) -> Iterator[Tile]:
    for y in downs:
        for x in acrosses:
            yield Tile(
                Box(y.start, x.start, y.end, x.end),
                Box(y.seen_start, x.seen_start, y.seen_end, x.seen_end),
                (y.blend, x.blend),
            )
