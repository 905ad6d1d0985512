"""What a container, or another control group of Linux, leaves of the memory."""

from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIPS = Path("/proc/self/cgroup")
_MOUNTED = Path("/sys/fs/cgroup")


def memory_left(memberships: Path = _MEMBERSHIPS, mounted: Path = _MOUNTED) -> int | None:
    """Bytes that this process may still take, at least 0, or None if no group limits it.

    The least of what the process's own group and those around it leave (versions 1 and 2).
    """
    left = (_left(folder, limit, usage) for folder, limit, usage in _groups(memberships, mounted))
    return min((value for value in left if value is not None), default=None)


def _groups(memberships: Path, mounted: Path) -> Iterator[tuple[Path, str, str]]:
    """The folders of the groups, and the names of the files there with limit and usage."""
    try:
        lines = memberships.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, names = mounted, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            root, names = mounted / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        # In a container the path may be one outside of it; its own group is then the root's.
        inner = root / path.lstrip("/")
        for folder in (inner, *inner.parents):
            yield folder, *names
            if folder == root:
                break


def _left(folder: Path, limit: str, usage: str) -> int | None:
    """What one group leaves, or None if it has no limit or does not tell."""
    try:
        free = int((folder / limit).read_text()) - int((folder / usage).read_text())
        counts = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        # Files read long ago are counted as used and dropped as soon as someone asks for more.
        files = {name: int(count) for name, count in counts}
    except (OSError, ValueError):
        return None
    return max(0, free + files.get("total_inactive_file", files.get("inactive_file", 0)))
