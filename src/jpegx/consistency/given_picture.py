"""A picture that a program hands over, as an array that is held against a file."""

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL.Image import Image

from jpegx.errors import PictureMismatch
from jpegx.io.picture_reader import opaque_rgb, read_comparable
from jpegx.jpeg.layout import Layout

Picture = ArrayLike | Image | PathLike[str]  # a str, a file's name, is an ArrayLike
# Modes of Pillow whose arrays are gray levels as they are.
_LEVELS = ("L", "RGB", "F", "I", "I;16")


def given_pixels(picture: Picture, layout: Layout) -> np.ndarray:
    """The pixels (height, width, channels), uint8 or float32; channels: of the layout, or 3.

    Raises UnreadablePicture, and PictureMismatch if it is of another size than the layout, or has
    no real, finite numbers.
    """
    if isinstance(picture, str | PathLike):
        pixels = read_comparable(Path(picture), str(picture), (layout.width, layout.height))
    elif isinstance(picture, Image) and picture.mode not in _LEVELS:
        pixels = opaque_rgb(picture, "a picture of Pillow's")
    else:
        pixels = np.asarray(picture)
    if pixels.dtype.kind not in "buif":
        raise PictureMismatch(f"a picture of {pixels.dtype}; give gray levels, 0 to 255")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[:2] != (layout.height, layout.width) or pixels.shape[2:] not in ((1,), (3,)):
        raise PictureMismatch(
            f"a picture of shape {pixels.shape}; the JPEG file has {layout.height} rows, "
            f"{layout.width} columns and {layout.channels} channels"
        )
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise PictureMismatch("a picture with numbers that are not finite")
    shape = (*pixels.shape[:2], max(pixels.shape[2], layout.channels))
    return np.ascontiguousarray(np.broadcast_to(pixels, shape))
