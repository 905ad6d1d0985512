"""The end of a run whose numbers are none any more."""

from pathlib import Path

from jpegx.errors import JpegxError


class Diverged(JpegxError):
    """A loss or a figure that is not a finite number: the run is lost."""

    def __init__(self, run: Path, name: str, value: float, step: int) -> None:
        super().__init__(
            f"{run}: {name} is {value} at step {step}; start again with a smaller learning rate or "
            "with training.precision=float32"
        )
