"""Pictures of every format that is read here, whoever reads them: verify, eval or train.

The format is told by the first bytes, out of an explicit list, and Pillow is asked for that one
only. Left to itself it would try all it knows, and hand some to other programs (EPS).
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from jpegx.errors import JpegxError, PictureMismatch, UnreadablePicture, other_size
from jpegx.io.capture import captured_stderr
from jpegx.io.failures import reason_of

# Pillow's names of the formats, and a pattern of the first bytes of each; a dot is any byte.
_SIGNATURES = (
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("JPEG", b"\xff\xd8\xff"),
    ("TIFF", b"II*\0"),
    ("TIFF", b"MM\0*"),
    ("TIFF", b"II+\0"),
    ("TIFF", b"MM\0+"),
    ("WEBP", b"RIFF....WEBP"),
    ("AVIF", b"....ftypavif"),
    ("AVIF", b"....ftypavis"),
    ("AVIF", b"....ftypmif1"),
    ("BMP", b"BM"),
    ("GIF", b"GIF8"),
    ("JPEG2000", b"\xff\x4f\xff\x51"),
    ("JPEG2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("JXL", b"\xff\x0a"),
    ("JXL", b"\0\0\0\x0cJXL \r\n\x87\n"),
    *(("PPM", kind) for kind in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")),
)
READ_FORMATS = "PNG, TIFF, WebP, AVIF, BMP, GIF, PNM, JPEG, JPEG 2000 or JPEG XL"
# Formats that Pillow reads with a package of its own: which registers itself when it is imported.
_PLUGINS = {"JXL": ("pillow_jxl", "JPEG XL needs pillow-jxl-plugin (pip install 'jpegx[jxl]')")}
_LONGEST = 16
_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"})

DEFAULT_MAX_PIXELS = 1 << 28
_MOST_WITH_ALPHA = 1 << 26  # pixels of what is pasted, or comes with a session or a request
# No picture within the size limits fills this; it stops endless input.
_MOST_BYTES = 1 << 29

_settings_lock = threading.Lock()


def read_rgb(path: Path) -> np.ndarray:
    """The pixels of a picture file: uint8 (H, W, 3), of 16 bits the upper 8; alpha is dropped.

    Raises UnreadablePicture, one line that begins with the path, for whatever cannot be read, is
    damaged, has more than 16 bits or more than 268 million pixels.
    """
    with open_picture(path, str(path)) as image:
        if image.width * image.height > DEFAULT_MAX_PIXELS:
            raise UnreadablePicture(
                f"{path}: {image.width}x{image.height} is more than {DEFAULT_MAX_PIXELS >> 20} "
                "megapixels; cut it into parts"
            )
        if image.mode.startswith("I;16"):  # what Pillow does with colour
            high = np.asarray(image).astype(np.uint16) >> 8
            return np.repeat(high.astype(np.uint8)[..., None], 3, axis=2)
        if image.mode in ("I", "F"):
            raise UnreadablePicture(f"{path}: more than 16 bits a channel; save it with 8")
        return np.array(image.convert("RGB"))


def read_rgba(
    source: Path | BinaryIO, name: str, size: tuple[int, int] | None = None
) -> np.ndarray:
    """The pixels of a picture with its alpha: uint8 (H, W, 4).

    ``size``: (width, height) that it must have. Raises UnreadablePicture, also for more than 67
    million pixels, and PictureMismatch, before any pixel is decoded: one line each, which begins
    with the name.
    """
    with open_picture(source, name) as image:
        if size is not None and image.size != size:
            raise PictureMismatch(
                f"{name}: {image.width}x{image.height} pixels, where {size[0]}x{size[1]} belong"
            )
        if image.width * image.height > _MOST_WITH_ALPHA:
            raise UnreadablePicture(
                f"{name}: {image.width}x{image.height} pixels are too many here"
            )
        return np.array(image.convert("RGBA"))


def read_comparable(
    source: Path | BinaryIO,
    name: str,
    size: tuple[int, int],
    noted: Callable[[str], None] | None = None,
) -> np.ndarray:
    """The pixels of a picture that are compared with a JPEG file's: uint8 (height, width, 3).

    Palettes are looked up, an opaque alpha channel is dropped, gray becomes three equal channels
    (whose luma, as libjpeg computes it, is the gray again). Pixels are not rotated: a JPEG is
    compared as it is stored. Of several pictures in a file the first is read, and ``noted`` gets a
    line about it. ``size``: (width, height) that it must have.

    Raises UnreadablePicture if it cannot be read, PictureMismatch if it is of another size or not
    8-bit opaque gray or RGB, before any pixel is decoded. One line each, which begins with the
    name.
    """
    with open_picture(source, name) as image:
        if image.size != size:
            raise other_size(name, image.size, size)
        if any(map(_is_deep, image.tile)) or image.mode.startswith(("I", "F")):
            raise PictureMismatch(f"{name}: more than 8 bits a channel; save it with 8 bits")
        pixels = opaque_rgb(image, name)
        if noted is not None and _holds_several(image):
            noted(f"{name}: warning: it holds several pictures; the first is compared")
        return pixels


def _holds_several(image: ImageFile.ImageFile) -> bool:
    """Whether there is a second picture: TIFF, GIF, WebP, AVIF and PNG can hold more."""
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # a second one that is damaged takes nothing from the first
        return True


def opaque_rgb(image: Image.Image, name: str) -> np.ndarray:
    """The pixels of an open picture as :func:`read_comparable` gives them.

    Raises PictureMismatch if it is not 8-bit opaque gray or RGB.
    """
    if image.mode not in _EIGHT_BIT_MODES:
        raise PictureMismatch(f"{name}: a picture in {image.mode}; save it as gray or RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise PictureMismatch(f"{name}: it has transparent pixels; save it without alpha")
    return np.array(image.convert("RGB"))


@contextmanager
def open_picture(source: Path | BinaryIO, name: str) -> Iterator[ImageFile.ImageFile]:
    """A picture whose header is read; its pixels are decoded when they are asked for.

    Of the formats of ``READ_FORMATS``, which Pillow decodes itself. What a reader raises, in here
    or in the block, becomes UnreadablePicture: one line that begins with the name; what C code
    prints meanwhile is dropped.
    """
    try:
        with open_rewindable(source) as stream:
            found = _format_of(stream)
            if found is None:
                raise UnreadablePicture(
                    f"{name}: not a picture of a known format; {READ_FORMATS} is read"
                )
            load_plugin(found)
            # libtiff prints what it does not like. The others are silent.
            if found == "TIFF":
                with captured_stderr(), _opened(stream, found) as image:
                    yield image
            else:
                with _opened(stream, found) as image:
                    yield image
    except (UnreadablePicture, PictureMismatch, MemoryError):
        raise
    except JpegxError as error:
        raise UnreadablePicture(f"{name}: {error}") from None
    except Exception as error:  # the readers raise whatever their parsers run into
        raise UnreadablePicture(f"{name}: {_reason(error)}") from None


def load_plugin(kind: str) -> None:
    """Make a format known to Pillow, by its name. Raises JpegxError if its package is missing."""
    if kind in _PLUGINS:
        module, missing = _PLUGINS[kind]
        try:
            import_module(module)
        except ImportError:
            raise JpegxError(missing) from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return reason_of(error)
    if isinstance(error, UnidentifiedImageError):
        return "begins like a picture, but is none; get an undamaged copy"
    text = (str(error) or type(error).__name__).partition("\n")[0]
    return f"the picture is damaged ({text}); get an undamaged copy"


@contextmanager
def open_rewindable(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """A file or a stream to read from, which can be rewound; of no picture only the beginning."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield _rewindable(stream)
    else:
        yield _rewindable(source)


def _rewindable(stream: BinaryIO) -> BinaryIO:
    """The stream, or what a pipe or a device holds; its first bytes only if these say no format."""
    if _is_file(stream):
        return stream
    pieces = [_first_bytes(stream)]
    left = _MOST_BYTES if _format_of_bytes(pieces[0]) else 0
    while left > 0 and (piece := stream.read(min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return BytesIO(b"".join(pieces))


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # in memory
        return True


def _first_bytes(stream: BinaryIO) -> bytes:
    first = b""
    while len(first) < _LONGEST and (piece := stream.read(_LONGEST - len(first))):
        first += piece
    return first


def _format_of(stream: BinaryIO) -> str | None:
    stream.seek(0)
    first = stream.read(_LONGEST)
    stream.seek(0)
    return _format_of_bytes(first)


def _format_of_bytes(first: bytes) -> str | None:
    for name, pattern in _SIGNATURES:
        pairs = zip(first, pattern, strict=False)
        if len(first) >= len(pattern) and all(a == b or b == ord(".") for a, b in pairs):
            return name
    return None


def _opened(stream: BinaryIO, found: str) -> ImageFile.ImageFile:
    # Pillow's own limit of pixels would warn or refuse; who asks for the picture knows better.
    with _settings_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(stream, formats=(found,))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _is_deep(tile: Any) -> bool:  # noqa: ANN401 (whatever the format's plugin tells its decoder)
    """Pillow cuts deep RGB down to 8 bits without a word; only how it is decoded tells."""
    arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    # The largest value that a PNM file may hold.
    numbers = [a for a in arguments if isinstance(a, int)] if "ppm" in tile.codec_name else []
    return ";16" in str(arguments) or max(numbers, default=0) > 255
