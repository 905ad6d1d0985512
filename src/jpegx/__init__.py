"""jpegx: the JPEG decoder that samples images the file could have come from.

``read_jpeg``, ``open_sampler``, ``decode``, ``project``, ``verify``, ``explore`` and ``evaluate``
are what there is in Python; :mod:`jpegx.front_door` and :mod:`jpegx.exploration.explorer` describe
them. They are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jpegx.exploration.explorer import explore
    from jpegx.front_door import (
        Projected,
        Samples,
        decode,
        evaluate,
        open_sampler,
        project,
        read_jpeg,
        verify,
    )

__version__ = "0.1.0"

__all__ = [
    "Projected",
    "Samples",
    "__version__",
    "decode",
    "evaluate",
    "explore",
    "open_sampler",
    "project",
    "read_jpeg",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # By its name: an import would put the whole house below every module that asks for the version.
    home = "jpegx.exploration.explorer" if name == "explore" else "jpegx.front_door"
    found: object = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
