"""Processes that a test or a benchmark has started."""

from pathlib import Path


def below(number: int) -> list[int]:
    """A process and all that come from it."""
    found = [number]
    for task in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # it has just ended
            continue
        for child in children:
            found += below(int(child))
    return found


def named(number: int, words: bytes) -> list[int]:
    """Those below a process in whose command line these words are."""
    found = []
    for process in below(number):
        try:
            told = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if words in told:
            found.append(process)
    return found
