"""Where the time of the steps goes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import torch

_MEASURED_ON_GPU = 16  # one step in so many: waiting for a GPU after each part slows it down


class Stopwatch:
    """Seconds spent in each part of the steps since the last report."""

    def __init__(self, device: torch.device) -> None:
        self._gpu = device.type == "cuda"
        self._seconds: dict[str, float] = defaultdict(float)
        self._measuring = True
        self._steps = 0
        self._since = perf_counter()

    def start_step(self) -> None:
        """A step begins."""
        self._measuring = not self._gpu or self._steps % _MEASURED_ON_GPU == 0
        self._steps += 1

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What runs inside belongs to the part ``name``."""
        if not self._measuring:
            yield
            return
        self._wait()
        start = perf_counter()
        yield
        self._wait()
        self._seconds[name] += perf_counter() - start

    def report(self) -> tuple[float, dict[str, float]]:
        """Steps a second, and each part's share of the measured time; starts again."""
        now = perf_counter()
        speed = self._steps / (now - self._since)
        total = sum(self._seconds.values()) or 1.0
        shares = {name: seconds / total for name, seconds in self._seconds.items()}
        self._seconds.clear()
        self._steps = 0
        self._since = now
        return speed, shares

    def _wait(self) -> None:
        if self._gpu:
            torch.cuda.synchronize()
