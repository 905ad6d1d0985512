"""Pictures that are held against a file: of any program, or with what only jpegx writes."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from jpegx.io.picture_reader import open_rewindable, read_comparable
from jpegx.io.tiled_tiff import PaddedPicture, read_padded


def read_any_picture(
    source: Path | BinaryIO, name: str, size: tuple[int, int]
) -> np.ndarray | PaddedPicture:
    """The pixels, uint8 (height, width, 3), or the planes of a file that ``write_padded`` wrote.

    ``size``: (width, height) that it must have. Raises UnreadablePicture, PictureMismatch (one line
    that begins with the name), OSError.
    """
    with open_rewindable(source) as stream:
        padded = read_padded(stream, name, size)
        if padded is not None:
            return padded
        stream.seek(0)
        return read_comparable(stream, name, size)
