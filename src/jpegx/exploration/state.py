"""A picture of a file, made of the one that exploration began with and of patches put upon it."""

from collections.abc import Sequence

import numpy as np

from jpegx.exploration.patch import Patch
from jpegx.exploration.selection import Touched
from jpegx.exploration.workbench import Workbench
from jpegx.jpeg.box import Box


class State:
    """The starting picture with patches, one after the other."""

    def __init__(self, workbench: Workbench, patches: Sequence[Patch] = ()) -> None:
        self.workbench = workbench
        self.patches = tuple(patches)

    def then(self, patch: Patch) -> "State":
        """The picture after one more edit."""
        return State(self.workbench, (*self.patches, patch))

    def pixels(self, units: Touched) -> np.ndarray:
        """The pixels in the box of some units, which are made exact, uint8 (h, w, channels)."""
        return self._patched(self.workbench.pixels(units), units.box)

    def look(self, box: Box) -> np.ndarray:
        """The pixels in any box, exact as far as they have been made."""
        return self._patched(self.workbench.look(box), box)

    def whole(self) -> np.ndarray:
        """The whole picture, exact as far as it has been made."""
        layout = self.workbench.jpeg.layout
        return self.look(Box(0, 0, layout.height, layout.width))

    def _patched(self, pixels: np.ndarray, box: Box) -> np.ndarray:
        for patch in self.patches:
            theirs = patch.touched.box
            both = Box(
                max(box.top, theirs.top),
                max(box.left, theirs.left),
                min(box.bottom, theirs.bottom),
                min(box.right, theirs.right),
            )
            if both.top < both.bottom and both.left < both.right:
                here, there = both.inside(box), both.inside(theirs)
                held = patch.touched.pixel_mask()[there.rows, there.columns]
                part = pixels[here.rows, here.columns]
                part[held] = patch.pixels[there.rows, there.columns][held]
        return pixels
