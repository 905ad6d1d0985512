"""Sums over values of one kind, and the figures of calibration that they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import torch
from torch import Tensor

from jpegx.metrics.crps import crps

LEVELS = (50, 80, 95)  # percent

_CHUNK = 1 << 18  # values at a time: all samples of them fit a cache


@dataclass(frozen=True)
class Coverage:
    """How often the original lies in a central interval of the samples.

    ``expected``: how often for a calibrated sampler: the nominal level, but never more than
    (n - 1) / (n + 1), which is how often it falls between the smallest and the largest of n
    samples. ``observed``: how often it does. Both 0 to 1.
    """

    expected: float
    observed: float


@dataclass(frozen=True)
class BandCalibration:
    """Calibration of all values of one kind.

    ``ranks``: share of the originals with r = 0..n samples below them; flat, 1 / (n + 1) each, for
    a sampler of the posterior. ``coverage``: of the central intervals of 50, 80 and 95 percent.
    ``spread_skill``: spread of the samples over the error of their mean, 1 if calibrated, less for
    samples that are too much alike; not a number for one sample or without any error. ``crps``:
    mean score in the values' units. ``values``: how many.
    """

    ranks: tuple[float, ...]
    coverage: dict[int, Coverage]
    spread_skill: float
    crps: float
    values: int


class Tally:
    """Running sums over values, each with n samples and an original. ``values``: how many."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self.values = 0
        self._ranks = torch.zeros(samples + 1, dtype=torch.float64)
        self._variance = 0.0
        self._squared_error = 0.0
        self._crps = 0.0

    def add(self, samples: Tensor, original: Tensor) -> None:
        """Takes in values: ``samples`` (n, K), ``original`` (K,)."""
        for drawn, true in zip(samples.split(_CHUNK, dim=1), original.split(_CHUNK), strict=True):
            values, outcome = drawn.float(), true.float()
            self.values += len(outcome)
            self._ranks += rank_counts(values, outcome)
            if self._samples > 1:
                self._variance += float(values.var(dim=0).sum(dtype=torch.float64))
            error = values.mean(dim=0) - outcome
            self._squared_error += float(error.square().sum(dtype=torch.float64))
            self._crps += float(crps(values, outcome)) * len(outcome)

    def merge(self, other: "Tally") -> None:
        """Takes in the sums of another; ValueError if its number of samples is another."""
        if self._samples != other._samples:
            raise ValueError(f"{other._samples} samples do not add to {self._samples}")
        self.values += other.values
        self._ranks += other._ranks
        self._variance += other._variance
        self._squared_error += other._squared_error
        self._crps += other._crps

    def state(self) -> dict[str, Any]:
        """All sums as plain numbers and lists."""
        return {
            "values": self.values,
            "ranks": self._ranks.tolist(),
            "variance": self._variance,
            "squared_error": self._squared_error,
            "crps": self._crps,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Tally":
        """What :meth:`state` was taken of."""
        tally = cls(len(state["ranks"]) - 1)
        tally.values = state["values"]
        tally._ranks = torch.tensor(state["ranks"], dtype=torch.float64)
        tally._variance = state["variance"]
        tally._squared_error = state["squared_error"]
        tally._crps = state["crps"]
        return tally

    def result(self) -> BandCalibration:
        """The figures so far. Raises ValueError if no value was taken in."""
        if not self.values:
            raise ValueError("no values to be calibrated on")
        shares = self._ranks / self.values
        return BandCalibration(
            ranks=tuple(shares.tolist()),
            coverage={level: _coverage(shares, level / 100) for level in LEVELS},
            spread_skill=self._spread_skill(),
            crps=self._crps / self.values,
            values=self.values,
        )

    def _spread_skill(self) -> float:
        # The mean of n samples is off by an n-th of their variance as well (Fortin et al. 2014).
        if self._samples < 2 or not self._squared_error:
            return nan
        return sqrt((1 + 1 / self._samples) * self._variance / self._squared_error)


def rank_counts(samples: Tensor, original: Tensor) -> Tensor:
    """Originals with r samples below them, r = 0..n: float64 (n + 1,) that sum to K.

    ``samples``: (n, K), ``original``: (K,). Values of 8 bits tie often. An original that equals t
    samples counts 1 / (t + 1) at each of the ranks that it could have: the expectation of breaking
    ties at random (Hamill 2001), without the chance.
    """
    ranks = len(samples) + 1
    below = (samples < original).sum(dim=0)
    tied = (samples == original).sum(dim=0)
    pairs = torch.bincount(below * ranks + tied, minlength=ranks * ranks)
    counts = torch.zeros(ranks, dtype=torch.float64)
    for first, row in enumerate(pairs.view(ranks, ranks).double().tolist()):
        for ties, number in enumerate(row[: ranks - first]):
            counts[first : first + ties + 1] += number / (ties + 1)
    return counts


def _coverage(shares: Tensor, level: float) -> Coverage:
    """Coverage from the shares of the ranks (n + 1,).

    The original's place, drawn evenly from within its rank, should be uniform from 0 to 1; the
    interval is the middle part of it of the level's length. Only what lies between samples can
    be covered, so the outer ranks never count.
    """
    ranks = len(shares)
    expected = max(0.0, min(level, (ranks - 2) / ranks))
    start, end = (1 - expected) / 2 * ranks, (1 + expected) / 2 * ranks
    lower = torch.arange(ranks, dtype=torch.float64)
    overlap = (torch.clamp(lower + 1, max=end) - torch.clamp(lower, min=start)).clamp(min=0)
    return Coverage(expected, float((shares * overlap).sum()))
