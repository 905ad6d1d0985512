"""A picture that a program hands over, or a file that it names, held against a JPEG file."""

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL.Image import Image

from jpegx.consistency import compare
from jpegx.consistency.compare import VerifyReport
from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.io.any_picture import read_any_picture
from jpegx.io.failures import reason_of
from jpegx.io.formats import LEVELS
from jpegx.io.picture_reader import opaque_rgb
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout

Picture = ArrayLike | Image | PathLike[str]  # a str, a file's name, is an ArrayLike
# Modes of Pillow whose arrays are gray levels as they are.
_LEVELS = ("L", "RGB", "F", "I", "I;16")


def take_picture(picture: Picture, layout: Layout) -> np.ndarray | PaddedPicture:
    """The pixels (height, width, channels), uint8 or float32; channels: of the layout, or 3.

    Of a file what :func:`read_any_picture` reads of it. Whole numbers from 0 to 255 are uint8,
    whatever their type. Raises UnreadablePicture, and PictureMismatch if it is of another size than
    the layout, or has no real, finite numbers that can be gray levels.
    """
    if isinstance(picture, str | PathLike):
        try:
            return read_any_picture(Path(picture), str(picture), (layout.width, layout.height))
        except OSError as error:
            raise UnreadablePicture(f"{picture}: {reason_of(error)}") from None
    if isinstance(picture, Image) and picture.mode not in _LEVELS:
        pixels = opaque_rgb(picture, "a picture of Pillow's")
    else:
        pixels = _array(picture)
    if pixels.dtype.kind not in "uif":
        raise PictureMismatch(f"a picture of {pixels.dtype}; give gray levels, 0 to 255")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[:2] != (layout.height, layout.width) or pixels.shape[2:] not in ((1,), (3,)):
        raise PictureMismatch(
            f"a picture of shape {pixels.shape}; the JPEG file has {layout.height} rows, "
            f"{layout.width} columns and {layout.channels} channels"
        )
    if pixels.dtype.kind in "ui" and pixels.min() >= 0 and pixels.max() <= 255:
        pixels = pixels.astype(np.uint8)
    elif pixels.dtype == np.uint16:
        raise PictureMismatch(
            f"a picture of 16 bits, up to {pixels.max()}; give gray levels, 0 to 255: divide by "
            f"{LEVELS}"
        )
    else:
        pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise PictureMismatch("a picture with numbers that are not finite")
    shape = (*pixels.shape[:2], max(pixels.shape[2], layout.channels))
    return np.ascontiguousarray(np.broadcast_to(pixels, shape))


def judge_picture(
    jpeg: QuantizedJpeg,
    picture: np.ndarray | PaddedPicture,
    *,
    certify: bool = False,
    slack: float = 0.0,
) -> VerifyReport:
    """Whether a picture that was read could have been the source, each kind in its own way.

    ``picture``: what :func:`read_any_picture` gives: 8 bits are encoded with libjpeg 6b, 16 bits
    (uint16) and pictures with what is beyond the edge as ``compare_padded`` says. Only a picture of
    8 bits that is exact needs no torch. Raises what these raise.
    """
    if isinstance(picture, PaddedPicture):
        from jpegx.consistency.compare_padded import verify_padded

        return verify_padded(jpeg, picture, certify=certify, slack=slack)
    if picture.dtype == np.uint16:
        from jpegx.consistency.compare_padded import verify_levels

        return verify_levels(jpeg, picture / LEVELS, slack=slack)
    return compare.verify(jpeg, picture, certify=certify, slack=slack)


def _array(picture: ArrayLike | Image) -> np.ndarray:
    """The numbers of an array, also of a tensor that NumPy would not take as it is."""
    if hasattr(picture, "detach"):  # of PyTorch, which is not imported for it
        tensor = picture.detach().cpu()
        return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)
    return np.asarray(picture)
