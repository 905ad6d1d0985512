"""What ``jpegx eval`` is asked for. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jpegx.sampling.spec import SamplerSpec

Projection = Literal["both", "with", "without"]


@dataclass(frozen=True)
class Place:
    """Where a crop is: its picture, and its top left corner in pixels; None for the centre."""

    picture: str
    corner: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """What it is called in the report."""
        if self.corner is None:
            return self.picture
        return f"{self.picture} at {self.corner[0]},{self.corner[1]}"


@dataclass(frozen=True)
class Request:
    """The options of ``jpegx eval`` under their own names; what is not asked for is None.

    ``defaults``: how models are opened that are not named, and the device for all else.
    """

    originals: tuple[Path, ...]
    models: tuple[SamplerSpec, ...]
    decoded: tuple[Path, ...]
    jpegs: Path | None
    qualities: tuple[int, ...]
    subsampling: str
    gray: bool
    crop: int | None
    projection: Projection
    samples: int
    seed: int
    niqe: Path | None
    networks: tuple[str, ...]
    crops: tuple[Place, ...]
    vgg16: Path | None
    lpips: Path | None
    dists: Path | None
    fid: bool
    inception: Path | None
    repeats: int | None
    patches: int | None
    reference: Path | None
    defaults: SamplerSpec
