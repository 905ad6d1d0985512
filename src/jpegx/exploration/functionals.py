"""Linear functionals of a picture: weighted sums of the samples that libjpeg makes of it.

The samples are Y, Cb and Cr (or the one component of a gray file, or R, G and B) as the encoder has
them: whole numbers from 0 to 255, each at its component's own resolution. Of a pixel in a
down-sampled component its sample is meant; a region that cuts a sample counts it with the share
that is inside.
"""

from dataclasses import dataclass

import numpy as np

from jpegx.exploration.selection import Selection, Touched
from jpegx.jpeg.box import Box
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_arrays import integer_samples


@dataclass(frozen=True)
class Functional:
    """A weighted sum of the samples of one component, over the units that it needs.

    ``weights``: float64 (8 block rows, 8 block columns) of the component in the box of units.
    """

    quantity: str
    component: int
    weights: np.ndarray

    def value(self, pixels: np.ndarray, layout: Layout) -> float:
        """Its value for the pixels of the units' box, uint8 (H, W, C), whose layout is given."""
        return float(self.by_unit(pixels, layout).sum())

    def by_unit(self, pixels: np.ndarray, layout: Layout) -> np.ndarray:
        """What each unit, (rows, columns), contributes to :meth:`value`."""
        samples = integer_samples(pixels, layout)[self.component] * self.weights
        return sums_of_units(by_block(samples).sum(axis=(2, 3)), self.component, layout)


def mean(name: str, component: int, region: Selection, touched: Touched) -> Functional:
    """The mean of a component over a region."""
    mask = region.inside(touched.box)
    return Functional(name, component, sample_weights(mask / region.pixels, component, touched))


def contrast(
    name: str, component: int, region: Selection, others: Selection, touched: Touched
) -> Functional:
    """The mean over a region less that over others; ``touched``: the units of both."""
    weights = region.inside(touched.box) / region.pixels
    weights = weights - others.inside(touched.box) / others.pixels
    return Functional(name, component, sample_weights(weights, component, touched))


def sample_weights(pixels: np.ndarray, component: int, touched: Touched) -> np.ndarray:
    """The weights of samples in a sum over pixels, each of which stands for its sample."""
    layout = touched.layout
    wide, high = layout.reduction(component)
    part = part_layout(layout, touched.box)
    rows, columns = (8 * count for count in part.blocks(component))
    whole = np.zeros((rows * high, columns * wide))
    whole[: len(pixels), : pixels.shape[1]] = pixels
    summed: np.ndarray = whole.reshape(rows, high, columns, wide).sum(axis=(1, 3))
    return summed


def part_layout(layout: Layout, box: Box) -> Layout:
    """The layout of a part of a picture that begins, and ends, where units do."""
    size = box.right - box.left, box.bottom - box.top
    return Layout(*size, layout.color_space, layout.factors)


def by_block(samples: np.ndarray) -> np.ndarray:
    """(8 block rows, 8 block columns) as (block rows, block columns, 8, 8)."""
    rows, columns = (length // 8 for length in samples.shape)
    return samples.reshape(rows, 8, columns, 8).swapaxes(1, 2)


def sums_of_units(blocks: np.ndarray, component: int, layout: Layout) -> np.ndarray:
    """Numbers of blocks (block rows, block columns) added up by unit, (unit rows, unit columns)."""
    h, v = layout.factors[component]
    rows, columns = layout.mcu_grid
    whole = np.zeros((rows * v, columns * h))
    whole[: len(blocks), : blocks.shape[1]] = blocks
    summed: np.ndarray = whole.reshape(rows, v, columns, h).sum(axis=(1, 3))
    return summed
