"""What is done with each file of a run."""

from dataclasses import dataclass

from jpegx.batch.outputs import Existing
from jpegx.sampling.source import Source


@dataclass(frozen=True)
class DecodeSettings:
    """What is done with each file: the options of ``jpegx decode`` under their own names.

    ``source``: its model, opened on its device. ``preserve``: pictures get the time of the last
    change of their input.
    """

    source: Source
    samples: int
    seed: int
    project: bool
    mean: bool
    std_map: bool
    strict: bool
    max_pixels: int
    compress_level: int
    existing: Existing
    preserve: bool = False
