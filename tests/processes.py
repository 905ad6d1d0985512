"""Processes that a test or a benchmark has started."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

JPEGX = [sys.executable, "-c", "from jpegx.cli.main import main; main(prog_name='jpegx')"]
PATIENCE = 1800  # seconds of a busy machine, after which something hangs


def children(number: int) -> list[int]:
    """The processes that come from one."""
    found = []
    for task in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:  # it has just ended
            continue
    return found


def below(number: int) -> list[int]:
    """A process and all that come from it."""
    return [number, *(process for child in children(number) for process in below(child))]


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


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is so; fail if it has not come true for very long."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)
