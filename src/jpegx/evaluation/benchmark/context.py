"""What every part of a run shares: the request, the instruments, the store, and who is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from torch import Tensor

from jpegx import __version__
from jpegx.evaluation.benchmark.request import Request
from jpegx.evaluation.benchmark.sets import Features
from jpegx.evaluation.benchmark.store import Store, key_of
from jpegx.io.failures import one_line
from jpegx.metrics.frozen_network import FrozenNetwork
from jpegx.metrics.niqe import Niqe


class PairedDistance(Protocol):
    """A learned distance of a picture from its original."""

    def distance(self, image: Tensor, original: Tensor) -> float:
        """Of (C, H, W), gray levels 0 to 255; 0 if they are equal."""
        ...


@dataclass(frozen=True)
class Instruments:
    """What everything is measured by, opened.

    ``missing``: a line about each network that would have been used if it were installed.
    ``paired``: distances of each picture from its original by their keys in the tables;
    ``digests``: of the files of their weights.
    """

    niqe: Niqe
    features: Features | None
    networks: Mapping[str, FrozenNetwork]
    missing: tuple[str, ...]
    paired: Mapping[str, PairedDistance]
    digests: tuple[str, ...]

    @property
    def repeats(self) -> int:
        """Samples of each picture whose features are taken."""
        return 1 if self.features is None else self.features.repeats


@dataclass(frozen=True)
class Context:
    """The parts of a run.

    ``advance`` is called with what was worked on after each picture, ``say`` with a line about each
    thing that failed.
    """

    request: Request
    instruments: Instruments
    store: Store
    advance: Callable[[str], None]
    say: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    @cached_property
    def facts(self) -> dict[str, object]:
        """What every figure of a picture depends on."""
        niqe = self.instruments.niqe
        return {
            "version": __version__,
            "samples": self.request.samples,
            "seed": self.request.seed,
            "gray": self.request.gray,
            "crop": self.request.crop,
            "niqe": key_of({"niqe": [niqe.mean.tolist(), niqe.covariance.tolist()]}),
            "paired": self.instruments.digests,
        }

    def failed(self, error: Exception, name: str) -> None:
        """Tell of a failure, once: the same picture fails for every decoder."""
        line = one_line(error, name)
        if line not in self._told:
            self._told.add(line)
            self.say(line)
