"""How much memory a generator's work may take."""

import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

from jpegx.sampling.control_groups import memory_left

if TYPE_CHECKING:
    import torch

# What rendering a tile may take: the same everywhere, so that the tiles of a picture, and with them
# its bytes, depend on its size alone. On a CPU larger ones are slower: their maps leave the caches.
_TILE = {"cpu": 1 << 29, "cuda": 1 << 32}


def tile_memory(device: "torch.device") -> int:
    """Bytes that rendering a tile may take on a kind of device, whatever it has to spare.

    What the process keeps of freed memory (:mod:`jpegx.io.allocator`) comes on top, up to as much
    again.
    """
    return _TILE[device.type]


def free_memory(device: "torch.device") -> int:
    """Bytes that the process can still take on a device; of a CPU also within a container."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory_of_cpu()


def free_memory_of_cpu() -> int:
    """That of the CPU, which is known without torch."""
    left = memory_left()
    return _free_of_the_machine() if left is None else min(left, _free_of_the_machine())


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
