"""What is done with each file of a run."""

from dataclasses import dataclass

from jpegx.batch.outputs import Existing
from jpegx.io.formats import Container, Form
from jpegx.sampling.spec import SamplerSpec


@dataclass(frozen=True)
class DecodeSettings:
    """What is done with each file: the options of ``jpegx decode`` under their own names.

    ``spec``: what the samples are drawn from. ``form``: of the pictures (``decoding.decode``), in
    files of a ``container``.
    ``preserve``: pictures get the time of the last change of their input.
    """

    spec: SamplerSpec
    samples: int
    seed: int
    project: bool
    form: Form
    container: Container
    mean: bool
    std_map: bool
    strict: bool
    max_pixels: int
    compress_level: int
    existing: Existing
    preserve: bool = False
