"""The binding to the C libraries that the package jpeglib carries (why: the package's own page).

They are called on files written by ``Header.stream`` or by libjpeg itself, whose sizes are known
for certain.
"""

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from jpegx.errors import JpegxError, PictureMismatch, UnreadableJpeg
from jpegx.io.capture import captured_stderr
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader.damage import Messages, translate
from jpegx.jpeg.reader.frame import Header
from jpegx.jpeg.reader.library import load_library, wrong_jpeglib

_READER = "turbo210"  # reads arithmetic coding, and motion-JPEG without Huffman tables
# The reader fails on progressive files without all scans that are one unit high; this one does not.
_SECOND_READER = "turbo120"
_ENCODER = "6b"  # the stock libjpeg that exactness is defined by

_UNKNOWN, _GRAY, _RGB, _YCBCR = 0, 1, 2, 3  # J_COLOR_SPACE
_ISLOW = 0  # J_DCT_METHOD
_FANCY_UPSAMPLING = 1 << 0  # jpeglib's flag for smooth chroma
_PROGRESSIVE_MODE = 1 << 7  # jpeglib's flag that makes it take a scan script
_SCRIPT_WIDTH = 17  # integers that jpeglib keeps a scan
# The coefficients that are not 0 of the picture of ``self_check``, for each component.
_KNOWN = [
    {0: 160, 1: -27, 3: -1, 8: 19, 24: 1, 64: 352, 65: -27, 67: -1, 72: 19, 88: 1},
    {0: -34, 1: 5, 8: -5},
    {0: -12, 1: -8, 3: -1, 8: -4},
]


class _NotEncoded(JpegxError):
    """A library of jpeglib made no file of a picture."""


def read_coefficients(
    data: bytes, header: Header
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], Messages]:
    """The quantized coefficients of a JPEG file, as far as they can be read.

    ``data`` is the file that ``header`` was parsed from. Returns one int16 array (block rows, block
    columns, 8, 8) and one int32 table of steps (8, 8) per component, both in natural order and
    read-only, and what was found wrong. Raises UnreadableJpeg if libjpeg fails.
    """
    self_check()
    with _temporary_folder() as folder:
        path = folder / "clean.jpg"
        with path.open("wb") as file:
            file.writelines(header.stream(data))
        coefficients, printed = _read(path, header.layout)
    messages = translate(printed, restarts=header.restart_interval > 0)
    if coefficients is None:
        raise UnreadableJpeg("; ".join(messages.damage) or "libjpeg cannot read it")
    return coefficients, header.tables, messages


def show(stream: bytes, layout: Layout, *, smooth_chroma: bool = True) -> np.ndarray:
    """The picture that libjpeg shows: islow inverse DCT, "fancy" chroma up-sampling.

    ``stream``: a clean file (``QuantizedJpeg.stream``). Without ``smooth_chroma`` the pixels of
    reduced chroma are repeated (libjpeg's ``do_fancy_upsampling`` off). Returns uint8 (height,
    width, channels). Raises UnreadableJpeg if libjpeg fails.
    """
    self_check()
    pixels = np.empty((layout.height, layout.width, layout.channels), np.uint8)
    with _temporary_folder() as folder:
        path = folder / "clean.jpg"
        path.write_bytes(stream)
        for version in (_READER, _SECOND_READER):
            with captured_stderr() as printed:
                status = load_library(version).read_jpeg_spatial(
                    _c_path(path),
                    _pointer(pixels),
                    None,
                    None,
                    _GRAY if layout.channels == 1 else _RGB,
                    -1,
                    _ISLOW,
                    ctypes.c_uint(0 if smooth_chroma else _FANCY_UPSAMPLING),
                    ctypes.c_uint(0xFFFFFFFF ^ _FANCY_UPSAMPLING),
                )
                complaint = "; ".join(printed().split("\n")).strip("; ")
            if status:
                return pixels
    raise UnreadableJpeg(f"libjpeg cannot show it: {complaint}")


def encode(
    picture: np.ndarray,
    layout: Layout,
    tables: tuple[np.ndarray, ...],
    encoder: str = _ENCODER,
) -> tuple[np.ndarray, ...]:
    """The quantized coefficients that stock libjpeg 6b (islow DCT) gives for a picture.

    ``picture``: uint8 (height, width, channels): RGB, or one channel for a gray layout (a gray
    layout also takes RGB, which libjpeg turns to gray). ``tables``: integer steps (1 to 65535),
    (8, 8) per component. ``encoder``: another of jpeglib's libraries instead of 6b; a mozjpeg
    quantizes as it does by default, with trellis. Returns one read-only int16 array (block rows,
    block columns, 8, 8) per component, in natural order.

    Raises PictureMismatch if the picture does not fit the layout, UnsupportedJpeg for fractional
    sampling, which no libjpeg encodes.
    """
    layout.refuse_fractional()
    _check_picture(picture, layout)
    if [np.shape(table) for table in tables] != [(8, 8)] * len(layout.factors):
        raise ValueError("one quantization table of 8x8 steps is needed for each component")
    self_check()
    return _encode(picture, layout, tables, encoder)


@cache
def self_check() -> None:
    """See whether jpeglib's functions do what they are called for.

    A small picture with known integers is encoded and read back, once in a process. Raises
    WrongJpeglib if they do not, JpegxError for want of a temporary file.
    """
    across, down = np.meshgrid(np.arange(16), np.arange(8))
    picture = np.stack([40 + 10 * across, 255 - 16 * down, np.full((8, 16), 77)], axis=-1)
    tables = tuple(np.arange(1, 65).reshape(8, 8) + more for more in (0, 10, 20))
    layout = Layout(16, 8, "ycbcr", ((2, 1), (1, 1), (1, 1)))
    try:
        encoded = _encode(picture.astype(np.uint8), layout, tables)
    except _NotEncoded:
        encoded = ()
    found = [{int(i): int(grid.flat[i]) for i in np.flatnonzero(grid)} for grid in encoded]
    if found != _KNOWN:
        raise wrong_jpeglib("the package jpeglib does not work as this jpegx knows it")


def _encode(
    picture: np.ndarray, layout: Layout, tables: tuple[np.ndarray, ...], encoder: str = _ENCODER
) -> tuple[np.ndarray, ...]:
    channels = picture.shape[2]
    pixels = np.ascontiguousarray(picture)
    in_space = _GRAY if channels == 1 else _RGB
    out_space = {"gray": _GRAY, "ycbcr": _YCBCR, "rgb": _RGB}[layout.color_space]
    count = len(layout.factors)
    slots = np.arange(4, dtype=np.int16)  # jpeglib reads four, however many there are
    steps = np.stack([np.asarray(t) for t in tables]).astype(np.uint16)
    vertical_first = np.array([(v, h) for h, v in layout.factors], np.intc)
    script = _one_component_scans(count)
    scripted = not encoder.startswith("mozjpeg")  # which has scripts of its own
    with _temporary_folder() as folder:
        path = folder / "encoded.jpg"
        with captured_stderr() as printed:
            status = load_library(encoder).write_jpeg_spatial(
                _c_path(path),
                _pointer(pixels),
                _pointer(np.array([layout.height, layout.width], np.intc)),
                _pointer(np.array([in_space, out_space], np.intc)),
                _pointer(np.array([channels], np.intc)),
                _ISLOW,
                _pointer(vertical_first),
                _pointer(steps),
                ctypes.c_short(-1),
                _pointer(slots),
                ctypes.c_short(-1),
                ctypes.c_short(-1),
                0,
                None,
                None,
                None,
                count if scripted else 0,
                _pointer(script) if scripted else None,
                None,
                None,
                None,
                ctypes.c_uint(_PROGRESSIVE_MODE if scripted else 0),
                ctypes.c_uint(0xFFFFFFFF if scripted else 0),
            )
            complaint = printed().strip()
        coefficients = _read(path, layout)[0] if status else None
    if coefficients is None:
        raise _NotEncoded(f"libjpeg {encoder} did not encode the picture: {complaint}")
    return coefficients


def _check_picture(picture: np.ndarray, layout: Layout) -> None:
    """Raise PictureMismatch if libjpeg would read beyond the array."""
    shape = picture.shape
    allowed = (1, 3) if layout.color_space == "gray" else (3,)
    if picture.dtype != np.uint8 or len(shape) != 3 or shape[2] not in allowed:
        raise PictureMismatch(
            f"a picture of {picture.dtype} {shape} cannot be encoded; give 8-bit "
            f"(height, width, {' or '.join(map(str, allowed))})"
        )
    if shape[:2] != (layout.height, layout.width):
        raise PictureMismatch(
            f"the picture is {shape[1]}x{shape[0]} but the JPEG is {layout.width}x{layout.height}; "
            "give a picture of the same size"
        )


def _one_component_scans(count: int) -> np.ndarray:
    """A scan script with one component a scan.

    An interleaved scan holds at most 10 blocks a unit, which 4x4 sampling exceeds. The coefficients
    do not depend on the order in which they are written.
    """
    script = np.full((count, _SCRIPT_WIDTH), -1, np.intc)
    for component in range(count):
        script[component, :6] = (1, 0, 63, 0, 0, component)
    return script


def _read(path: Path, layout: Layout) -> tuple[tuple[np.ndarray, ...] | None, str]:
    """The coefficients of a clean file of this layout, None if it fails, and what C printed."""
    arrays = tuple(
        np.empty((*layout.blocks(c), 8, 8), np.int16) for c in range(len(layout.factors))
    )
    pointers = [_pointer(array) for array in arrays] + [None] * (4 - len(arrays))
    with captured_stderr() as printed:
        status = load_library(_READER).read_jpeg_dct(_c_path(path), *pointers, None, None)
        text = printed()
    for array in arrays:
        array.flags.writeable = False
    return (arrays if status else None), text


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A private folder for the files that the C code reads and writes, deleted afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix="jpegx-") as name:
            yield Path(name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JpegxError(
            f"no temporary file ({reason}); point TMPDIR at a disk with space"
        ) from error


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def _c_path(path: Path) -> ctypes.c_char_p:
    return ctypes.c_char_p(os.fsencode(path))
