"""Loading the compiled libraries of jpeglib: its version is looked at before anything is called."""

import ctypes
import importlib.util
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jpegx.errors import JpegxError

_INSTALL = "pip install 'jpeglib>=1.0.2,<1.1'"
_OLDEST, _TOO_NEW = (1, 0, 2), (1, 1)
_FUNCTIONS = ("read_jpeg_dct", "read_jpeg_spatial", "write_jpeg_spatial")


class WrongJpeglib(JpegxError):
    """The package jpeglib is missing, or not as this version of jpegx knows it."""


def wrong_jpeglib(what: str) -> WrongJpeglib:
    """The error that says what is wrong with the package, and what to install."""
    return WrongJpeglib(f"{what}; {_INSTALL}")


@cache
def load_library(libjpeg: str) -> ctypes.PyDLL:
    """One of jpeglib's libraries, by the version of libjpeg that it is. Raises WrongJpeglib.

    PyDLL keeps Python's lock during a call, so that no other thread of Python prints while
    standard error is captured.
    """
    _check_version()
    spec = importlib.util.find_spec("jpeglib")
    if spec is None or spec.origin is None:
        raise wrong_jpeglib("the package jpeglib is missing")
    found = sorted(Path(spec.origin).parent.glob(f"cjpeglib/cjpeglib_{libjpeg}.*"))
    if not found:
        raise wrong_jpeglib(f"the package jpeglib lacks libjpeg {libjpeg}")
    try:
        library = ctypes.PyDLL(str(found[0]))
    except OSError:
        raise wrong_jpeglib(f"libjpeg {libjpeg} of the package jpeglib cannot be loaded") from None
    if not all(hasattr(library, name) for name in _FUNCTIONS):
        raise wrong_jpeglib(f"libjpeg {libjpeg} of the package jpeglib is of another make")
    return library


@cache
def _check_version() -> None:
    try:
        installed = version("jpeglib")
    except PackageNotFoundError:
        raise wrong_jpeglib("the package jpeglib is missing") from None
    numbers = tuple(int(n) for n in re.findall(r"\d+", installed)[:3])
    if not _OLDEST <= numbers < _TOO_NEW:
        raise wrong_jpeglib(f"jpeglib {installed} is installed, which this jpegx does not know")
