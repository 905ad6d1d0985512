"""What is at a path, whatever the permissions on the way."""

import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path


def is_pipe_or_device(path: Path) -> bool:
    """True for what is neither a file nor a folder, so that to open it could wait for ever.

    False where there is nothing or one may not look: to open it tells why.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_folder(name: str | Path) -> bool:
    """Whether there is a folder of this name; False where one may not look."""
    try:
        return stat.S_ISDIR(os.stat(name).st_mode)  # noqa: PTH116 (Path("") is the current folder)
    except (OSError, ValueError):
        return False


def check_place(path: Path) -> None:
    """Raise OSError, of the path, if no file can be made there: before the work that fills it.

    Nothing is left: not the folders above, which are made when the file is.
    """
    if is_folder(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    _check_folder(path.parent, path)


def check_folder(path: Path) -> None:
    """Raise OSError, of the path, if no file can be made in this folder: see check_place."""
    _check_folder(path, path)


def _check_folder(folder: Path, path: Path) -> None:
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def file_digest(path: Path) -> str:
    """A digest of the content of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:24]
