"""jpegx: the JPEG decoder that samples images the file could have come from.

``read_jpeg``, ``open_sampler``, ``decode``, ``project``, ``verify``, ``explore`` and ``evaluate``
are what there is in Python; :mod:`jpegx.front_door` and :mod:`jpegx.exploration.explorer` describe
them; ``DifferentiableJpeg`` is JPEG as a layer of a network. All are imported when they are first
used. :mod:`jpegx.deepinv` has files for DeepInverse.
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
    from jpegx.jpeg.differentiable_jpeg import DifferentiableJpeg

__version__ = "0.1.0"

__all__ = [
    "DifferentiableJpeg",
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


_HOMES = {
    "DifferentiableJpeg": "jpegx.jpeg.differentiable_jpeg",
    "explore": "jpegx.exploration.explorer",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # By its name: an import would put the whole house below every module that asks for the version.
    found: object = getattr(import_module(_HOMES.get(name, "jpegx.front_door")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
