"""The pictures beside a session's file: where they are, reading and writing them."""

from io import BytesIO
from pathlib import Path

import numpy as np

from jpegx.errors import JpegxError, PictureMismatch, UnreadablePicture
from jpegx.io.atomic_file import atomic_file
from jpegx.io.picture_reader import read_rgba
from jpegx.io.png import pillow_image


class BadSession(JpegxError):
    """A session that cannot be read, or is of another file."""


def picture_path(session: Path, number: int) -> Path:
    """Where the pixels of a step are; of step 0 those of a starting picture that was given."""
    return session.with_name(f"{session.stem}-steps") / f"{number:04d}.png"


def read_pixels(path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    """The pixels of a picture beside a session, of a size (width, height). Raises BadSession."""
    _refuse_links(path)
    try:
        found = read_rgba(path, str(path), size)
    except UnreadablePicture as error:
        raise BadSession(str(error)) from None
    except PictureMismatch:
        raise BadSession(f"{path}: it is not of the size of its region") from None
    return np.ascontiguousarray(found[..., :channels])


def write_pixels(path: Path, pixels: np.ndarray) -> None:
    """Write pixels, uint8 (height, width, channels), as PNG. Raises BadSession, OSError."""
    _refuse_links(path)
    buffer = BytesIO()
    pillow_image(pixels).save(buffer, "PNG")
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
