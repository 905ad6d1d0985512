"""One picture into one PNG file with the metadata of its JPEG."""

from collections.abc import Mapping
from threading import Event
from typing import BinaryIO, cast

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jpegx.jpeg.metadata import Metadata


class Stopped(Exception):
    """The run is being stopped: the picture is not written."""


class _StoppableStream:
    """Hands on what is written until ``stop`` is set, so that a large picture can be abandoned."""

    def __init__(self, stream: BinaryIO, stop: Event) -> None:
        self._stream = stream
        self._stop = stop

    def write(self, data: bytes) -> int:
        if self._stop.is_set():
            raise Stopped
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def encode_png(
    stream: BinaryIO,
    pixels: np.ndarray,
    metadata: Metadata,
    *,
    text: Mapping[str, str],
    compress_level: int,
    stop: Event,
) -> None:
    """Encode uint8 pixels (height, width, 1 or 3) to a stream.

    EXIF, ICC profile and XMP go in byte for byte, the density in dots a metre. The pixels stay as
    they are: the orientation in EXIF still describes them. Raises Stopped once ``stop`` is set.
    """
    chunks = PngInfo()
    if metadata.xmp is not None:
        # Keyword, not compressed, no language: the XMP packet itself stays untouched.
        chunks.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    for key, value in text.items():
        chunks.add_text(key, value)
    image = Image.fromarray(np.squeeze(pixels, 2) if pixels.shape[2] == 1 else pixels)
    image.save(
        cast(BinaryIO, _StoppableStream(stream, stop)),
        "PNG",
        compress_level=compress_level,
        pnginfo=chunks,
        exif=metadata.exif,
        icc_profile=metadata.icc_profile,
        dpi=metadata.dpi,
    )
