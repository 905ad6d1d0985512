"""Layouts and pictures that tests of the forward model share."""

import numpy as np
from hypothesis import strategies as st

from jpegx.jpeg.layout import ColorSpace, Layout

FACTORS = (
    ((1, 1), (1, 1), (1, 1)),
    ((2, 1), (1, 1), (1, 1)),
    ((2, 2), (1, 1), (1, 1)),
    ((1, 2), (1, 1), (1, 1)),
    ((4, 1), (1, 1), (1, 1)),
    ((4, 2), (1, 1), (1, 1)),
    ((1, 4), (1, 1), (1, 1)),
    ((3, 1), (1, 1), (1, 1)),
    ((3, 3), (1, 1), (3, 1)),
    ((4, 4), (2, 1), (1, 4)),
    ((2, 2), (2, 1), (1, 2)),
    ((1, 1), (2, 2), (1, 1)),
    ((2, 1), (1, 2), (1, 1)),  # no component at full resolution
)


@st.composite
def layouts(draw: st.DrawFn, largest: int = 70) -> Layout:
    """Any size from 1x1, gray, YCbCr or RGB, any sampling that libjpeg encodes."""
    width, height = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    spaces: tuple[ColorSpace, ...] = ("gray", "ycbcr", "ycbcr", "rgb")
    space = draw(st.sampled_from(spaces))
    factors = ((1, 1),) if space == "gray" else draw(st.sampled_from(FACTORS))
    return Layout(width, height, space, factors)


@st.composite
def pictures(draw: st.DrawFn, layout: Layout) -> np.ndarray:
    """Noise, black and white pixels, or one colour with little noise: uint8 (H, W, C)."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (layout.height, layout.width, layout.channels)
    kind = draw(st.sampled_from(("noise", "extremes", "flat")))
    if kind == "noise":
        picture = random.integers(0, 256, shape)
    elif kind == "extremes":
        picture = random.choice(np.array([0, 255]), shape)
    else:
        colour = random.integers(0, 256, layout.channels)
        picture = np.clip(colour + random.integers(-3, 4, shape), 0, 255)
    return np.asarray(picture, np.uint8)


@st.composite
def tables(draw: st.DrawFn, layout: Layout, least: int = 1, most: int = 120) -> list[np.ndarray]:
    """One table of steps per component."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = draw(st.integers(least, most))
    return [random.integers(least, top + 1, (8, 8), dtype=np.int32) for _ in layout.factors]
