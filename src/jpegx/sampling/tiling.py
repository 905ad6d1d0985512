"""An image cut into tiles that a generator renders one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; bottom and right are the first outside."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def pixels(self) -> int:
        """Its area."""
        return (self.bottom - self.top) * (self.right - self.left)

    def of(self, images: Tensor) -> Tensor:
        """The view of this part of images (..., H, W)."""
        return images[..., self.top : self.bottom, self.left : self.right]

    def inside(self, outer: "Box") -> "Box":
        """This box in the coordinates of an outer one."""
        return Box(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        )


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
    grids = [
        (rows, columns)
        for rows in range(1, max(1, height // least) + 1)
        for columns in range(1, max(1, width // least) + 1)
    ]
    best: tuple[int, int, int] | None = None
    for rows, columns in grids:
        downs = _spans(height, rows, halo, multiple, blend)
        acrosses = _spans(width, columns, halo, multiple, blend)
        tall, wide = (max(s.seen_end - s.seen_start for s in spans) for spans in (downs, acrosses))
        if tall * wide <= max_pixels:
            seen = _seen(downs) * _seen(acrosses)
            best = min(best, (seen, rows, columns)) if best else (seen, rows, columns)
    _, rows, columns = best or (0, *grids[-1])
    return list(_tiles(height, width, rows, columns, halo, multiple, blend))


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


def _seen(spans: list[_Span]) -> int:
    return sum(s.seen_end - s.seen_start for s in spans)


def _tiles(
    height: int, width: int, rows: int, columns: int, halo: int, multiple: int, blend: int
) -> Iterator[Tile]:
    for y in _spans(height, rows, halo, multiple, blend):
        for x in _spans(width, columns, halo, multiple, blend):
            yield Tile(
                Box(y.start, x.start, y.end, x.end),
                Box(y.seen_start, x.seen_start, y.seen_end, x.seen_end),
                (y.blend, x.blend),
            )
