"""Pictures of any format as 8-bit pixels that can be compared with a JPEG file."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from jpegx.errors import PictureMismatch
from jpegx.jpeg.layout import Layout

EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"})


def read_picture(source: Path | BinaryIO, name: str, layout: Layout) -> np.ndarray:
    """The pixels of a picture, uint8 (height, width, 3).

    Palettes are looked up, an opaque alpha channel is dropped, gray becomes three equal channels
    (whose luma, as libjpeg computes it, is the gray again). Pixels are not rotated: a JPEG is
    compared as it is stored.

    Raises PictureMismatch if it is not a picture, of another size than the layout, or not 8-bit
    opaque gray or RGB, and OSError if it cannot be read.
    """
    # A pipe cannot be rewound, which telling the formats apart needs.
    stream = source if isinstance(source, Path) else BytesIO(source.read())
    try:
        with _any_size(), Image.open(stream) as image:
            _check(image, name, layout)
            return _pixels(image, name)
    except PictureMismatch:
        raise
    except UnidentifiedImageError:
        raise PictureMismatch(f"{name}: not a picture of a known format") from None
    except Exception as error:  # the format plugins raise whatever their parsers run into
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise PictureMismatch(f"{name}: the picture is damaged ({error})") from None


@contextmanager
def _any_size() -> Iterator[None]:
    """Lift Pillow's own limit: the size of the JPEG file is the limit here."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _check(image: ImageFile.ImageFile, name: str, layout: Layout) -> None:
    """Refuse, before any pixel is decoded, what cannot be compared."""
    if image.size != (layout.width, layout.height):
        raise PictureMismatch(
            f"{name}: it has {image.width}x{image.height} pixels, "
            f"the JPEG file {layout.width}x{layout.height}"
        )
    if any(map(_is_deep, image.tile)) or image.mode.startswith(("I", "F")):
        raise PictureMismatch(f"{name}: more than 8 bits a channel; save it with 8 bits")
    if image.mode not in EIGHT_BIT_MODES:
        raise PictureMismatch(f"{name}: a picture in {image.mode}; save it as gray or RGB")


def _is_deep(tile: Any) -> bool:  # noqa: ANN401 (whatever the format's plugin tells its decoder)
    """Pillow cuts deep RGB down to 8 bits without a word; only how it is decoded tells."""
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    # The largest value that a PNM file may hold.
    numbers = [a for a in arguments if isinstance(a, int)] if "ppm" in tile.codec_name else []
    return ";16" in str(arguments) or max(numbers, default=0) > 255


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise PictureMismatch(f"{name}: it has transparent pixels; save it without alpha")
    return np.array(image.convert("RGB"))
