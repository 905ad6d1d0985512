"""Rectangles of pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # where something is needs no torch
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

    @property
    def rows(self) -> slice:
        """The rows of pixels in it."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """The columns of pixels in it."""
        return slice(self.left, self.right)

    def of(self, images: "Tensor") -> "Tensor":
        """The view of this part of images (..., H, W)."""
        return images[..., self.rows, self.columns]

    def inside(self, outer: "Box") -> "Box":
        """This box in the coordinates of an outer one."""
        return Box(
            self.top - outer.top,
            self.left - outer.left,
            self.bottom - outer.top,
            self.right - outer.left,
        )

    def outside(self, outer: "Box") -> "Box":
        """This box, given in the coordinates of an outer one, in those of the latter."""
        return Box(
            self.top + outer.top,
            self.left + outer.left,
            self.bottom + outer.top,
            self.right + outer.left,
        )
