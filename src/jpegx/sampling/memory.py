"""How much memory a generator's work may take."""

import ctypes
import os
from pathlib import Path

import torch

from jpegx.sampling.control_groups import memory_left

_MOST = 1 << 29  # larger tiles are slower: their maps do not stay in the caches
_LEAST = 1 << 27


def working_memory(device: torch.device) -> int:
    """Bytes that rendering a tile may take on a device.

    A power of two, so that small changes of the free memory do not change the tiles: on a CPU at
    most 512 MiB and a quarter of what is free, where there is a limit (that of a container, say)
    of what is free below it; on a GPU half of what is free. What the process keeps of freed memory
    (:mod:`jpegx.cli.allocator`) comes on top, up to as much again.
    """
    if device.type == "cuda":
        return _power_of_two(torch.cuda.mem_get_info(device)[0] // 2)
    return min(_MOST, _power_of_two(_free() // 4))


def release_freed_memory(kept: int) -> None:
    """Give the system back what the process keeps of freed memory, but for some bytes at its end.

    For between two tiles: what one has freed is not always of the right size for the next, and so
    what is kept would grow from tile to tile (12 megapixels: by 0.5 to 1.7 GiB). It costs a tenth
    of the time. Does nothing with a C library other than glibc.
    """
    try:
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(kept))
    except (OSError, TypeError, AttributeError):
        return


def _power_of_two(value: int) -> int:
    """The largest that is not above the value, but not less than the least."""
    return max(_LEAST, 1 << value.bit_length() >> 1)


def _free() -> int:
    """Bytes of memory that this process can still take."""
    left = memory_left()
    return _free_of_the_machine() if left is None else min(left, _free_of_the_machine())


def _free_of_the_machine() -> int:
    """Bytes of memory that programs can still take, or 4 GiB where the system does not tell."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 4 << 30
