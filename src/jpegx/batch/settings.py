"""What is done with each file of a run."""

from dataclasses import dataclass

from jpegx.batch.outputs import Existing


@dataclass(frozen=True)
class DecodeSettings:
    """What is done with each file; the options of ``jpegx decode`` under their own names."""

    model: str
    samples: int
    seed: int
    project: bool
    mean: bool
    std_map: bool
    device: str
    strict: bool
    max_pixels: int
    compress_level: int
    existing: Existing
