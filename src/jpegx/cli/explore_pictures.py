"""Pictures that the tools of jpegx explore write."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from errno import EEXIST
from os import strerror
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    import numpy as np

    from jpegx.exploration.patch import Patch
    from jpegx.exploration.statements import Answer
    from jpegx.jpeg.file import QuantizedJpeg

    _Answer = TypeVar("_Answer", bound=Answer)


def refuse_existing(paths: "Iterable[Path | None]", *, overwrite: bool) -> None:
    """Raise FileExistsError if one of the files is there, unless it may be replaced."""
    for path in paths:
        if path is not None and lexists(path) and not overwrite:
            raise FileExistsError(EEXIST, strerror(EEXIST), str(path))


def write_picture(
    path: Path, pixels: "np.ndarray", jpeg: "QuantizedJpeg", description: str, *, overwrite: bool
) -> None:
    """Write pixels, uint8 (height, width, channels), as PNG, with the file's metadata.

    ``description``: what the picture says of itself; it must never pass for the photograph. Raises
    OSError, FileExistsError among them.
    """
    from jpegx.io.atomic_file import atomic_file

    with atomic_file(path, overwrite=overwrite) as stream:
        encode_picture(stream, pixels, jpeg, description)


def encode_picture(
    stream: BinaryIO, pixels: "np.ndarray", jpeg: "QuantizedJpeg", description: str
) -> None:
    """What :func:`write_picture` writes, to a stream."""
    from threading import Event

    from jpegx import __version__
    from jpegx.batch.carried import carried_chunks
    from jpegx.io.png import encode_png

    text = {"Software": f"jpegx {__version__}", "Description": description}
    chunks = carried_chunks(jpeg.metadata, text)
    encode_png(stream, pixels, chunks, compress_level=4, stop=Event())


def write_patches(
    pictures: "Mapping[str, tuple[Path, Patch]]",
    jpeg: "QuantizedJpeg",
    name: str,
    *,
    overwrite: bool,
) -> dict[int, str]:
    """Write the whole picture with each patch into its file; the files by id of the patches.

    ``pictures``: by what each is. All start from the same exact picture, so they differ in the
    region's units alone. Raises FileExistsError if a file is there already.
    """
    from jpegx.exploration.patch import exact_picture

    refuse_existing((path for path, _ in pictures.values()), overwrite=overwrite)
    start = exact_picture(jpeg).pixels
    for what, (path, patch) in pictures.items():
        told = f"{what} in a region: one of many pictures that {Path(name).name} allows"
        write_picture(path, patch.onto(start), jpeg, told, overwrite=overwrite)
    return {id(patch): str(path) for path, patch in pictures.values()}


def named(answer: "_Answer", written: Mapping[int, str]) -> "_Answer":
    """An answer, with the names of the pictures that were written."""
    from jpegx.exploration.statements import Can

    statements = [
        replace(s, picture=written.get(id(s.patch))) if isinstance(s, Can) else s
        for s in answer.statements
    ]
    return replace(answer, statements=statements)


def write_map(path: Path, pixels: "np.ndarray", *, overwrite: bool) -> None:
    """Write a map, uint8 (height, width, 3), as PNG. Raises FileExistsError if it is there."""
    from threading import Event

    from jpegx.io.atomic_file import atomic_file
    from jpegx.io.png import encode_png

    with atomic_file(path, overwrite=overwrite) as stream:
        encode_png(stream, pixels, (), compress_level=6, stop=Event())
