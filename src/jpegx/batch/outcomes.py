"""What ``jobs.decode_files`` tells about its work, step by step."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jpegx.consistency.causes import Causes
from jpegx.io.inputs import Input


@dataclass(frozen=True)
class Written:
    """A picture is complete in its file.

    ``sample``: its number, None for the mean and the standard deviation map. The figures are those
    of ``sampling.sampler.Picture``; the map, a measurement, has none.
    """

    source: Input
    output: Path
    kind: Literal["sample", "mean", "std"]
    width: int
    height: int
    sample: int | None = None
    different: int | None = None
    total: int | None = None
    rmse_added: float | None = None
    consistency_rmse: float | None = None
    causes: Causes | None = None


@dataclass(frozen=True)
class Appeared:
    """A picture need not be written any more: another process has made it meanwhile."""

    source: Input


@dataclass(frozen=True)
class Warned:
    """Something about an input that the user should know, as one line."""

    source: Input
    message: str


@dataclass(frozen=True)
class Failed:
    """An input could not be decoded to the end; one line that says why."""

    source: Input
    message: str


@dataclass(frozen=True)
class Finished:
    """Nothing more comes for this input. ``skipped``: all its pictures were there already."""

    source: Input
    skipped: bool


Outcome = Written | Appeared | Warned | Failed | Finished
