"""How the program's process keeps memory between uses."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


@contextmanager
def no_garbage() -> Iterator[None]:
    """For the time of large imports: Python does not look for garbage, nor ever in what they leave.

    Looking again and again is a fifth of the time that the import of PyTorch takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def keep_freed_memory() -> None:
    """Have glibc keep big blocks for the next use; with other C libraries, do nothing.

    By default each feature map is asked of the system and given back to it, and every page of it
    is cleared and mapped again: a third of the time of a fast network. The price is memory: what is
    freed in the wrong size stays, about as much again at the peak of a large picture.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    # Older versions of glibc take no more than 32 MiB here; if even that is refused, the default,
    # which adapts itself, is better than what the other settings alone would make of it.
    if mallopt(_M_MMAP_THRESHOLD, 1 << 30) or mallopt(_M_MMAP_THRESHOLD, 32 << 20):
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(_M_TOP_PAD, 64 << 20)
