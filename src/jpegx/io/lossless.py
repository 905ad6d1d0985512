"""Lossless WebP and JPEG XL files, by Pillow and its plug-in; each is read back before it counts.

Neither has a place for text: what a picture says of itself goes into the EXIF field "Software".
"""

from io import BytesIO
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image

from jpegx.errors import JpegxError
from jpegx.io.picture_reader import load_plugin
from jpegx.io.png import pillow_image

_MOST_OF_WEBP = 16383  # pixels a side
_SOFTWARE = 305

Kind = Literal["webp", "jxl"]


def write_lossless(
    stream: BinaryIO,
    pixels: np.ndarray,
    kind: Kind,
    *,
    told: str,
    exif: bytes | None,
    profile: bytes | None,
    xmp: bytes | None,
    compress_level: int,
) -> None:
    """Write uint8 pixels (height, width, 1 or 3) to a stream. WebP has no gray: it gets RGB.

    ``told``: what the picture says of itself. ``compress_level``: 0, fast, to 9, small. Raises
    JpegxError if the format cannot hold the picture, the plug-in is missing, or what it wrote is
    not read back as it was.
    """
    height, width = pixels.shape[:2]
    if kind == "webp" and max(height, width) > _MOST_OF_WEBP:
        raise JpegxError(f"WebP has at most {_MOST_OF_WEBP} pixels a side; write PNG or TIFF")
    load_plugin(kind.upper())
    image = pillow_image(pixels)
    options: dict[str, Any] = {"lossless": True, "exif": _exif(exif, told)}
    options |= {k: v for k, v in (("icc_profile", profile), ("xmp", xmp)) if v is not None}
    if kind == "webp":
        options |= {"quality": 100 * compress_level // 9, "method": 2 + compress_level // 3}
    else:
        options["effort"] = max(1, compress_level)
    written = BytesIO()
    image.save(written, kind.upper(), **options)
    with Image.open(BytesIO(written.getvalue()), formats=(kind.upper(),)) as again:
        if not np.array_equal(np.asarray(again.convert(image.mode)), np.asarray(image)):
            raise JpegxError(f"this Pillow writes no lossless {kind}; write PNG or TIFF")
    stream.write(written.getbuffer())


def _exif(exif: bytes | None, told: str) -> bytes:
    """The EXIF with what the picture says of itself; as it is if Pillow cannot read it."""
    fields = Image.Exif()
    try:
        if exif is not None:
            fields.load(exif)
        fields[_SOFTWARE] = told
        return fields.tobytes()
    except Exception:  # whatever its parser runs into
        return exif or b""
