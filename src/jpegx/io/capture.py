"""Catching what C code prints to standard error, which Python's own redirection cannot."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# File descriptor 2 belongs to the whole process.
_lock = threading.RLock()


@contextmanager
def captured_stderr() -> Iterator[Callable[[], str]]:
    """Send file descriptor 2 to a temporary file for a while; Python's sys.stderr is not touched.

    Yields a function that returns the text printed so far. The descriptor is always restored.
    """
    with _lock, tempfile.TemporaryFile() as sink:
        try:
            saved = os.dup(2)
        except OSError:  # the process was started without a standard error
            saved = None
        try:
            os.dup2(sink.fileno(), 2)
            yield lambda: _content(sink.fileno())
        finally:
            if saved is None:
                with suppress(OSError):
                    os.close(2)
            else:
                os.dup2(saved, 2)
                os.close(saved)


def _content(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, size).decode("utf-8", "replace")
