"""What ``jpegx eval`` is asked for. Needs no torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jpegx.evaluation.protocols.protocol import Protocol
from jpegx.sampling.spec import Chroma, SamplerSpec

if TYPE_CHECKING:
    from jpegx.sampling.sampler import Sampler

Projection = Literal["both", "with", "without"]


@dataclass(frozen=True)
class Place:
    """Where a crop is: its picture, its top left corner in pixels, None for the centre, its size.

    ``size``: width and height.
    """

    picture: str
    corner: tuple[int, int] | None = None
    size: tuple[int, int] = (128, 128)

    @property
    def title(self) -> str:
        """What it is called in the report."""
        if self.corner is None:
            return self.picture
        size = "" if self.size == (128, 128) else f", {self.size[0]}x{self.size[1]}"
        return f"{self.picture} at {self.corner[0]},{self.corner[1]}{size}"


@dataclass(frozen=True)
class Request:
    """The options of ``jpegx eval`` under their own names; what is not asked for is None.

    ``models``: specs, or samplers that are open. ``defaults``: how models are opened that are not
    named, and the device for all else. ``export_jpegs``: where the files go that are compressed
    here, too. ``chroma``: how plain JPEG files show theirs. ``protocol``:
    whose published rows stand beside the measured ones.
    """

    originals: tuple[Path, ...]
    models: "tuple[SamplerSpec | Sampler, ...]" = ()
    decoded: tuple[Path, ...] = ()
    jpegs: Path | None = None
    qualities: tuple[int, ...] = (5, 10, 20, 40)
    subsampling: str = "4:2:0"
    gray: bool = False
    crop: int | None = None
    projection: Projection = "both"
    samples: int = 8
    seed: int = 0
    niqe: Path | None = None
    networks: tuple[str, ...] = ()
    crops: tuple[Place, ...] = ()
    maps: bool = False
    vgg16: Path | None = None
    lpips: Path | None = None
    dists: Path | None = None
    fid: bool = False
    inception: Path | None = None
    repeats: int | None = None
    patches: int | None = None
    reference: Path | None = None
    fid_reference: Path | None = None
    export_jpegs: Path | None = None
    plain_projection: bool = False
    chroma: Chroma | None = None
    protocol: Protocol | None = None
    defaults: SamplerSpec = field(default_factory=lambda: SamplerSpec(""))
