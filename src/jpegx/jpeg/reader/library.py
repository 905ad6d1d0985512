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

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; {_INSTALL}")


@cache
def load_library(libjpeg: str) -> ctypes.PyDLL:
    """One of jpeglib's libraries, by the version of libjpeg that it is. Raises WrongJpeglib.

    PyDLL keeps Python's lock during a call, so that no other thread of Python prints while
    standard error is captured.
    """
    _check_version()
    spec = importlib.util.find_spec("jpeglib")
    if spec is None or spec.origin is None:
        raise WrongJpeglib("the package jpeglib is missing")
    found = sorted(Path(spec.origin).parent.glob(f"cjpeglib/cjpeglib_{libjpeg}.*"))
    if not found:
        raise WrongJpeglib(f"the package jpeglib lacks libjpeg {libjpeg}")
    library = ctypes.PyDLL(str(found[0]))
    if not all(hasattr(library, name) for name in _FUNCTIONS):
        raise WrongJpeglib(f"libjpeg {libjpeg} of the package jpeglib is of another make")
    return library


@cache
def _check_version() -> None:
    try:
        installed = version("jpeglib")
    except PackageNotFoundError:
        raise WrongJpeglib("the package jpeglib is missing") from None
    numbers = tuple(int(n) for n in re.findall(r"\d+", installed)[:3])
    if not _OLDEST <= numbers < _TOO_NEW:
        raise WrongJpeglib(f"jpeglib {installed} is installed, which this jpegx does not know")
