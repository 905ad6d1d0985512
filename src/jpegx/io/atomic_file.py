"""Files that appear under their name whole, or not at all, whatever happens on the way.

What is written lies in a temporary file of its own beside its place until it is complete. The
temporary file is locked while its writer lives, so what a killed process left can be told from what
another process is writing.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PREFIX, _SUFFIX = ".jpegx-", ".part"
_LEFT = (_SUFFIX, ".claim")  # :mod:`jpegx.io.claim`

# How a file system says that it has no hard links, or no locks.
_NOT_OFFERED = frozenset(
    (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOLCK)
)

# What writing fails with, which does not say where it was.
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))


@contextmanager
def atomic_file(
    path: Path, *, overwrite: bool, times: tuple[int, int] | None = None
) -> Iterator[BinaryIO]:
    """A new file that appears under its name when the block ends well, and leaves nothing if not.

    Its folder is made where missing, its content is on the disk before its name is. ``times``: of
    the last access and the last change, in nanoseconds, that it is to have. Raises FileExistsError
    if the name is taken by then and ``overwrite`` is False, also if another process took it in the
    last moment; OSError, of this name, if it cannot be written. The temporary file is never named.
    """
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    make_folder(path.parent)
    try:
        temporary, stream = _open_temporary(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with stream:
            yield stream
            stream.flush()
            if times is not None:
                os.utime(stream.fileno(), ns=times)
            os.fsync(stream.fileno())
            # While it is still locked: nobody may take it for left over before it has its name.
            _give_name(temporary, path, overwrite=overwrite)
    except OSError as error:
        unnamed = error.filename is None and error.errno in _NO_ROOM
        if error.filename != str(temporary) and not unnamed:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing. Raises OSError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # which is said of a file that is to be written only
        raise NotADirectoryError(
            errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename
        ) from None


def remove_leftovers(folder: Path) -> int:
    """Remove temporary files and claims that killed processes left in a folder; how many.

    Those of processes that live, here or on another machine of a shared disk that knows locks, are
    not touched. What cannot be looked at or removed stays.
    """
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        names = [e.path for e in entries if e.name.startswith(_PREFIX) and e.name.endswith(_LEFT)]
        for name in names:
            with suppress(OSError):
                removed += _remove_if_left(name)
    return removed


def _remove_if_left(name: str) -> bool:
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: its writer lives
        os.unlink(name)  # noqa: PTH108 (a name of scandir)
    finally:
        os.close(descriptor)
    return True


def _open_temporary(folder: Path) -> tuple[Path, BinaryIO]:
    while True:
        temporary = folder / f"{_PREFIX}{secrets.token_hex(6)}{_SUFFIX}"
        try:
            stream = temporary.open("xb")
        except FileExistsError:
            continue
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody who cleans up was quicker, and removes it
            stream.close()
            continue
        except OSError as error:
            if error.errno not in _NOT_OFFERED:
                stream.close()
                temporary.unlink(missing_ok=True)
                raise
        else:
            if os.fstat(stream.fileno()).st_nlink == 0:  # as above
                stream.close()
                continue
        return temporary, stream


def _give_name(temporary: Path, path: Path, *, overwrite: bool) -> None:
    try:
        if not overwrite:
            _link(temporary, path)
        else:
            temporary.replace(path)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "appeared while it was being made", str(path)) from None
    except OSError as error:  # a folder of this name; the message is not about the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name, which nobody has, in one step: only a link fails where one is."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
        with path.open("xb"):  # takes the name, or fails
            temporary.replace(path)
