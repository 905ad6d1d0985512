"""A picture, with what travels of the file's metadata, into the bytes of a picture file."""

from collections.abc import Mapping
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx import __version__
from jpegx.batch.carried import carried_chunks
from jpegx.io.png import encode_png
from jpegx.io.tiff_fields import Carried
from jpegx.io.tiled_tiff import PaddedPicture, write_padded
from jpegx.jpeg.metadata.collect import Metadata
from jpegx.jpeg.metadata.icc import color_space


def write_picture(
    stream: BinaryIO,
    pixels: np.ndarray | PaddedPicture,
    metadata: Metadata,
    description: str,
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Write a picture to a stream that can be rewound.

    ``pixels``: uint8 (height, width, channels), into a PNG file, or planes, into a TIFF file.
    ``description``: what the picture says of itself. Raises Stopped once ``stop`` is set.
    """
    text: Mapping[str, str] = {"Software": f"jpegx {__version__}", "Description": description}
    if isinstance(pixels, PaddedPicture):
        carried = Carried(
            text, metadata.icc_profile, metadata.xmp, metadata.photoshop, metadata.dpi
        )
        write_padded(stream, pixels, carried, compress_level=compress_level, stop=stop)
    else:
        encode_png(
            stream,
            _fitting(pixels, metadata),
            carried_chunks(metadata, text),
            compress_level=compress_level,
            stop=stop,
        )


def _fitting(pixels: np.ndarray, metadata: Metadata) -> np.ndarray:
    """The pixels as their profile says what they are: a PNG in gray may have none for RGB."""
    profile = metadata.icc_profile
    if pixels.shape[2] == 1 and profile is not None and color_space(profile) == "RGB":
        return pixels.repeat(3, axis=2)
    return pixels
