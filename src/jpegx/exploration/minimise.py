"""The search for numbers that make an objective small: Adam, in rounds, the best is kept.

As in the code of Bahat and Michaeli 2021: what a round made worse is undone, and the steps become
five times smaller.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from jpegx.exploration.variables import Variables

_PATIENCE = 8  # iterations without gain, after which steps become smaller
_GAIN = 1e-2  # relative, that counts as one
_SMALLER = 1 / 5
_ROUNDS = 3


class Cancelled(Exception):
    """The search was cancelled."""


@dataclass(frozen=True)
class Limits:
    """What a search may cost: ``iterations``, and ``seconds`` of computing (CPU), at most.

    A machine that is busy with other things takes longer, but finds the same.
    """

    iterations: int = 60
    seconds: float = 30.0


Watch = Callable[[float, Tensor | None], None]


def unwatched(share: float, image: Tensor | None) -> None:
    """Nobody is told, and nobody cancels."""


@dataclass(frozen=True)
class Found:
    """The best image, its loss, and the loss at the beginning; iterations done, and seconds."""

    image: Tensor
    start: float
    end: float
    iterations: int
    seconds: float


def minimise(
    variables: Variables,
    loss: Callable[[Tensor], Tensor],
    limits: Limits,
    watch: Watch = unwatched,
) -> Found:
    """The best image that the search comes upon; the variables are left there.

    ``watch``: told after each iteration which share of the limits is used, and from time to time
    the image; it may raise :class:`Cancelled`. The same start gives the same result on one machine,
    unless the time ends it.
    """
    begun = time.thread_time()
    best: Tensor | None = None
    kept = [leaf.detach().clone() for leaf in variables.leaves]
    start = end = mark = float("inf")
    rate, rounds, stale, done = variables.rate, 0, 0, 0
    adam = torch.optim.Adam(variables.leaves, rate)
    while done < limits.iterations:
        adam.zero_grad()
        image = variables.image()
        value = loss(image)
        number = float(value.detach())
        if best is None:
            start = number
        if best is None or number < end:
            best, end = image.detach().clone(), number
            kept = [leaf.detach().clone() for leaf in variables.leaves]
        stale = 0 if number < mark - _GAIN * abs(mark) or mark == float("inf") else stale + 1
        mark = min(mark, number) if stale == 0 else mark
        done += 1
        spent = time.thread_time() - begun
        share = max(done / limits.iterations, spent / limits.seconds)
        watch(min(share, 1.0), best if done % 5 == 1 else None)
        if spent > limits.seconds:
            break
        if stale >= _PATIENCE:
            rounds += 1
            if rounds == _ROUNDS:
                break
            rate, stale, mark = rate * _SMALLER, 0, end
            with torch.no_grad():
                for leaf, was in zip(variables.leaves, kept, strict=True):
                    leaf.copy_(was)
            adam = torch.optim.Adam(variables.leaves, rate)
            continue
        value.backward()
        adam.step()
        variables.hold()
    with torch.no_grad():
        for leaf, was in zip(variables.leaves, kept, strict=True):
            leaf.copy_(was)
    assert best is not None
    return Found(best, start, end, done, time.thread_time() - begun)
