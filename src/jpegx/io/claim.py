"""Work that several processes share: each piece is claimed by the one that does it.

A claim is a locked file beside what is to be made. The lock goes with its process, however that
ends; the file of a killed one is removed by :func:`jpegx.io.atomic_file.remove_leftovers`.
"""

import errno
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

SUFFIX = ".claim"

_HELD = frozenset((errno.EAGAIN, errno.EACCES))


class Claim:
    """The right to make a file, until it is released as often as it was shared, and once more."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._uses = 1
        self._lock = Lock()

    def share(self, work: "Future[Any]") -> None:
        """Hold it until some work in the background has ended, too."""
        with self._lock:
            self._uses += 1
        work.add_done_callback(lambda _: self.release())

    def release(self) -> None:
        """Give it back, unless there is still work to wait for."""
        with self._lock:
            self._uses -= 1
            if self._uses:
                return
        self._release()


def claim(path: Path, *, wait: bool) -> Claim | None:
    """Claim the making of a file; None if another process does it.

    ``wait``: for that process to end or to finish, instead. Where there are no locks, or no claim
    can be written (its folder is not made yet), everybody may: what is there is not replaced.
    """
    digest = sha256(os.fsencode(path.name)).hexdigest()[:16]
    name = path.with_name(f".jpegx-{digest}{SUFFIX}")
    while True:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError:
            return Claim(lambda: None)
        try:
            is_ours = lock(descriptor, wait=wait)
        except BaseException:
            os.close(descriptor)
            raise
        if not is_ours:
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink:
            return Claim(partial(_give_back, name, descriptor))
        os.close(descriptor)  # it was given back while this process waited


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file until it is closed; False if another process has it.

    ``wait``: for that process, instead. Where there are no locks, everybody may have it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        return error.errno not in _HELD
    return True


def _give_back(name: Path, descriptor: int) -> None:
    with suppress(OSError):
        name.unlink()
    os.close(descriptor)
