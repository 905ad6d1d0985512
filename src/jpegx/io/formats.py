"""The formats that pictures are written in."""

from typing import Literal, NamedTuple

LEVELS = 257  # of 16 bits in a gray level of 8

Container = Literal["png", "tiff", "webp", "jxl"]
Form = Literal["8-bit", "16-bit", "ycbcr", "float"]  # of pixels: ``sampling.decoding.decode``


class FileFormat(NamedTuple):
    """A kind of picture file: what users call it, and how its names end, the usual ending first."""

    name: str
    suffixes: tuple[str, ...]


CONTAINERS: dict[Container, FileFormat] = {
    "png": FileFormat("PNG", (".png",)),
    "tiff": FileFormat("TIFF", (".tif", ".tiff")),
    "webp": FileFormat("WebP", (".webp",)),
    "jxl": FileFormat("JPEG XL", (".jxl",)),
}
# What their names end with, and what that says they are.
OF_SUFFIX = {suffix: kind for kind, known in CONTAINERS.items() for suffix in known.suffixes}
