"""The pictures beside a session's file: where they are, reading and writing them."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from jpegx.errors import JpegxError, UnreadablePicture
from jpegx.exploration.region_spec import read_rgba
from jpegx.io.atomic_file import atomic_file


class BadSession(JpegxError):
    """A session that cannot be read, or is of another file."""


def picture_path(session: Path, number: int) -> Path:
    """Where the pixels of a step are; of step 0 those of a starting picture that was given."""
    return session.with_name(f"{session.stem}-steps") / f"{number:04d}.png"


def read_pixels(path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    """The pixels of a picture beside a session, of a size (width, height). Raises BadSession."""
    _refuse_links(path)
    try:
        found = read_rgba(path, str(path))
    except UnreadablePicture as error:
        raise BadSession(str(error)) from None
    if found.shape[:2] != (size[1], size[0]):
        raise BadSession(f"{path}: it is not of the size of its region")
    return np.ascontiguousarray(found[..., :channels])


def write_pixels(path: Path, pixels: np.ndarray) -> None:
    """Write pixels, uint8 (height, width, channels), as PNG. Raises BadSession, OSError."""
    _refuse_links(path)
    buffer = BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    with atomic_file(path, overwrite=True) as stream:
        stream.write(buffer.getvalue())


def remove_pixels(path: Path) -> None:
    """Remove a picture beside a session, if it is there. Raises BadSession, OSError."""
    _refuse_links(path)
    path.unlink(missing_ok=True)


def _refuse_links(path: Path) -> None:
    """Nobody's session may have us read, replace or remove what lies elsewhere."""
    if path.is_symlink() or path.parent.is_symlink():
        raise BadSession(f"{path}: a link leads out of the session's folder")
