"""Pictures that are held against a file: of any program, or with what only jpegx writes."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jpegx.io.deep_png import read_deep_png
from jpegx.io.picture_reader import open_rewindable, read_comparable
from jpegx.io.strip_tiff import read_deep_strips
from jpegx.io.tiled_tiff import PaddedPicture, read_padded


def read_any_picture(
    source: Path | BinaryIO,
    name: str,
    size: tuple[int, int],
    noted: Callable[[str], None] | None = None,
) -> np.ndarray | PaddedPicture:
    """The pixels, uint8 (height, width, 3), or the planes of a file that ``write_padded`` wrote.

    Of PNG files of 16 bits, and of TIFF files that jpegx wrote so, uint16 (height, width, 1 or 3).
    ``size``: (width, height) that it must have. ``noted``: told if only the first of several
    pictures is read. Raises UnreadablePicture, PictureMismatch (one line
    that begins with the name), OSError.
    """
    with open_rewindable(source) as stream:
        padded = read_padded(stream, name, size)
        if padded is not None:
            return padded
        for read in (read_deep_png, read_deep_strips):
            stream.seek(0)
            pixels = read(stream, name, size)
            if pixels is not None:
                return pixels
        stream.seek(0)
        return read_comparable(stream, name, size, noted)
