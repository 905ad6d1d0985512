"""Originals as JPEG files, by the real libjpeg."""

from io import BytesIO

import numpy as np
from PIL import Image
from torch import Tensor

from jpegx.errors import JpegxError

_LARGEST = 65500  # pixels each way, libjpeg's own limit


def compress(pixels: Tensor, quality: int, subsampling: str) -> bytes:
    """A picture, uint8 (C, H, W), as a baseline JPEG file with the IJG's tables.

    By Pillow, whose libjpeg(-turbo) computes the islow DCT. ``quality``: 1 to 100. ``subsampling``:
    "4:4:4", "4:2:2" or "4:2:0" (Pillow's names), for 3 channels (RGB); a picture of 1 channel
    becomes a gray file. Raises JpegxError if it is too large for a JPEG file.
    """
    if max(pixels.shape[1:]) > _LARGEST:
        raise JpegxError(f"a JPEG file has at most {_LARGEST} pixels each way; crop the picture")
    shown = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
    picture = Image.fromarray(shown[..., 0] if len(pixels) == 1 else shown)
    options = {} if len(pixels) == 1 else {"subsampling": subsampling}
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()
