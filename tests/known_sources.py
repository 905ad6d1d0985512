"""Files whose source is known: what exploration says of them can be held against the truth."""

import numpy as np
from hypothesis import strategies as st

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader import libjpeg
from layouts import layouts, pictures, tables


@st.composite
def files(draw: st.DrawFn, largest: int = 50, least: int = 4) -> tuple[QuantizedJpeg, np.ndarray]:
    """A file, and the picture that libjpeg made it from."""
    layout = draw(layouts(largest=largest))
    picture = draw(pictures(layout))
    return file_of(picture, layout, draw(tables(layout, least=least))), picture


def file_of(picture: np.ndarray, layout: Layout, steps: list[np.ndarray]) -> QuantizedJpeg:
    made = tuple(steps)
    return QuantizedJpeg(layout, libjpeg.encode(picture, layout, made), made, "baseline")
