"""The largest sums over the colours of 8-bit pixels, as libjpeg converts them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from jpegx.jpeg.color import to_integer_components
from jpegx.jpeg.layout import Layout

# Levels from a corner of the RGB cube, in each channel, that are looked at one by one.
_NEAR = 6


@dataclass(frozen=True)
class ColourSums:
    """Weighted sums of the components of pixels: the largest that any 8-bit pixels have.

    ``weights``: of the components, (M, C, P), float64. ``pixels``: of the pixels in the same sums
    before the conversion is rounded, (M, C, P). ``low``, ``high``: their bounds, one or (P).
    """

    layout: Layout
    weights: Tensor
    pixels: Tensor
    low: Tensor
    high: Tensor

    def select(self, sums: Tensor) -> "ColourSums":
        """Some of the sums, by index."""
        return replace(self, weights=self.weights[sums], pixels=self.pixels[sums])

    def most(self) -> tuple[Tensor, Tensor]:
        """A bound (M) that takes each rounding at its worst, and the largest without rounding."""
        real = torch.maximum(self.pixels * self.low, self.pixels * self.high).sum(dim=(1, 2))
        if self.layout.color_space != "ycbcr":
            return real, real
        real += 128 * self.weights[:, 1:].sum(dim=(1, 2))
        return real + self.weights.abs().sum(dim=(1, 2)) / 2, real

    def tight(self) -> Tensor:
        """A bound (M) that is nearer, for pixels between 0 and 255 that are converted to Y, Cb, Cr.

        The largest sum of one pixel is at a corner of the RGB cube or, for the rounding's sake, not
        far from one: there each colour is looked at; what is farther off in any channel loses more
        than the worst rounding gives, or that much is allowed for.
        """
        at_corners = 255 * self.pixels.clamp(min=0).sum(dim=1)
        at_corners += 128 * self.weights[:, 1:].sum(dim=1)
        loose = at_corners + self.weights.abs().sum(dim=1) / 2
        farther = loose - _NEAR * self.pixels.abs().amin(dim=1)
        corner = (self.pixels > 0).long()
        colours = _near_corners(self.layout).to(self.weights)
        own = colours[corner[:, 0] * 4 + corner[:, 1] * 2 + corner[:, 2]]
        nearer = (own @ self.weights.movedim(1, 2)[..., None])[..., 0].amax(dim=2)
        return torch.minimum(loose, torch.maximum(nearer, farther)).sum(dim=1)


@lru_cache
def _near_corners(layout: Layout) -> Tensor:
    """Y, Cb, Cr of the colours near each corner of the cube, (8, _NEAR**3, 3)."""
    corners = torch.tensor(list(product((0, 1), repeat=3)))
    inwards = torch.tensor(list(product(range(_NEAR), repeat=3)))
    rgb = corners[:, None] * 255 + inwards * (1 - 2 * corners[:, None])
    return to_integer_components(rgb.movedim(2, 1), layout).movedim(1, 2)
