"""The per-pixel standard deviation of the samples as a picture that can be looked at."""

import numpy as np

LEVELS_PER_GRAY_LEVEL = 10

SCALE = (
    f"Per-pixel standard deviation of the samples: value / {LEVELS_PER_GRAY_LEVEL} gray levels "
    f"of 0-255, 255 = {255 / LEVELS_PER_GRAY_LEVEL} or more"
)


def std_map_pixels(deviation: np.ndarray) -> np.ndarray:
    """A standard deviation (height, width) in 0..1 as uint8 (height, width, 1).

    The scale is the same for every file, so that maps can be compared: 10 levels are one gray
    level (1/255) of standard deviation, 25.5 gray levels and more are white.
    """
    levels = np.rint(deviation * (255 * LEVELS_PER_GRAY_LEVEL))
    pixels: np.ndarray = np.clip(levels, 0, 255).astype(np.uint8)
    return pixels[..., np.newaxis]
