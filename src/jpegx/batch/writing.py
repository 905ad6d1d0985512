"""A picture, with what travels of the file's metadata, into the bytes of a picture file."""

from collections.abc import Mapping
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx import __version__
from jpegx.batch.carried import carried_chunks
from jpegx.io.formats import Container
from jpegx.io.lossless import write_lossless
from jpegx.io.png import encode_png
from jpegx.io.strip_tiff import write_strips
from jpegx.io.tiff_exif import exif_fields
from jpegx.io.tiff_fields import Carried
from jpegx.io.tiled_tiff import PaddedPicture, write_padded
from jpegx.jpeg.metadata.collect import Metadata
from jpegx.jpeg.metadata.icc import color_space


def write_picture(
    stream: BinaryIO,
    pixels: np.ndarray | PaddedPicture,
    metadata: Metadata,
    description: str,
    container: Container,
    *,
    compress_level: int,
    stop: Event,
) -> None:
    """Write a picture to a stream that can be rewound.

    ``pixels``: uint8 or, for PNG and TIFF, uint16 (height, width, channels); or planes, into a TIFF
    file. ``description``: what the picture says of itself. Raises Stopped once ``stop`` is set,
    JpegxError if the format cannot hold the picture.
    """
    text: Mapping[str, str] = {"Software": f"jpegx {__version__}", "Description": description}
    carried = Carried(
        text,
        metadata.icc_profile,
        metadata.xmp,
        metadata.photoshop,
        metadata.dpi,
        exif_fields(metadata.exif or b""),
    )
    if isinstance(pixels, PaddedPicture):
        write_padded(stream, pixels, carried, compress_level=compress_level, stop=stop)
        return
    pixels = _fitting(pixels, metadata)
    if container == "tiff":
        write_strips(stream, pixels, carried, compress_level=compress_level, stop=stop)
    elif container == "png":
        chunks = carried_chunks(metadata, text)
        encode_png(stream, pixels, chunks, compress_level=compress_level, stop=stop)
    else:
        write_lossless(
            stream,
            pixels,
            container,
            told=f"{text['Software']}: {description}",
            exif=metadata.exif,
            profile=metadata.icc_profile,
            xmp=metadata.xmp,
            compress_level=compress_level,
        )


def _fitting(pixels: np.ndarray, metadata: Metadata) -> np.ndarray:
    """The pixels as their profile says what they are: a gray picture may have none for RGB."""
    profile = metadata.icc_profile
    if pixels.shape[2] == 1 and profile is not None and color_space(profile) == "RGB":
        return pixels.repeat(3, axis=2)
    return pixels
