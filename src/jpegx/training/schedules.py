"""How learning rates and weights change over a run."""

from dataclasses import dataclass
from math import cos, pi


def cosine(start: float, end: float, progress: float) -> float:
    """Cosine annealing from ``start`` (progress 0) to ``end`` (progress 1) (Man et al. 2022)."""
    return end + (start - end) * (1 + cos(pi * min(max(progress, 0.0), 1.0))) / 2


def halving(start: float, every: int, step: int) -> float:
    """A rate that is halved after each so many steps (Ehrlich et al. 2020, 3.3)."""
    return float(start * 0.5 ** (step // every))


def warm_up(step: int, steps: int) -> float:
    """Factor of the learning rate at a step (from 0): rises linearly over the first ``steps``."""
    return min(1.0, (step + 1) / (steps + 1))


@dataclass(frozen=True)
class Span:
    """How long a stage lasts: some steps and, if ``seconds`` is given, some time at most.

    The progress is that of whichever runs out first, so that a limit of time pulls every schedule
    together and the stage still ends with its last values.
    """

    steps: int
    seconds: float | None = None

    def progress(self, step: int, elapsed: float) -> float:
        """Progress from 0 to 1 after some steps and seconds of the stage; at 1 it is over."""
        by_steps = step / self.steps if self.steps else 1.0
        by_time = elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))
