"""Measurements of each pixel, in gray levels, as pictures that can be looked at."""

import numpy as np

LEVELS_PER_GRAY_LEVEL = 10

_SCALE = (
    f"value / {LEVELS_PER_GRAY_LEVEL} gray levels of 0-255, 255 = {255 / LEVELS_PER_GRAY_LEVEL} "
    "or more"
)
DEVIATION = f"Per-pixel standard deviation of the samples: {_SCALE}"
CONTRADICTION = f"How far plain projection moves each pixel of a picture: {_SCALE}"


def measured_pixels(values: np.ndarray) -> np.ndarray:
    """Numbers (height, width) in gray levels, 0 or more, as uint8 (height, width, 1).

    The scale is the same for every file, so that maps can be compared: 10 levels are one gray
    level (1/255), 25.5 gray levels and more are white.
    """
    levels = np.rint(values * LEVELS_PER_GRAY_LEVEL)
    pixels: np.ndarray = np.clip(levels, 0, 255).astype(np.uint8)
    return pixels[..., np.newaxis]
