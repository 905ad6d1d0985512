"""What may be varied in a region, and the picture that it makes: noise, or places in the cells."""

from abc import ABC, abstractmethod
from math import sqrt

import torch
from torch import Tensor

from jpegx.exploration.scene import Scene
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.transform import encode_dct
from jpegx.models.noise import HeldNoise, Noise
from jpegx.models.projection import Range, hold, into_ranges
from jpegx.sampling.window import Window

_MARGIN = 0.35  # DCT units: what rounding to 8 bits moves a coefficient by
_SIGMAS = 2.0  # by which noise may become stronger, among draws of so many numbers
TRUST = 0.25  # steps: cells, after noise, stay so near to what the generator drew


class Variables(ABC):
    """Numbers to vary, ``leaves``, and how fast, ``rate`` (of Adam)."""

    leaves: list[Tensor]
    rate: float

    @abstractmethod
    def image(self) -> Tensor:
        """The picture that they make in the scene's box, float32 (C, H, W) in gray levels."""

    def hold(self) -> None:  # noqa: B027 (most may be anywhere)
        """Take them back to where they may be, after a step."""

    def facts(self) -> dict[str, float]:
        """What is to be told of them."""
        return {}


class NoiseVariables(Variables):
    """All noise of a generator around the units, drawn once and then free.

    The mean square of each field stays below two standard deviations above what it was: so the
    noise stays as likely, by its norm, as a draw.
    """

    rate = 0.1

    def __init__(self, window: Window, noise: Noise) -> None:
        self._window = window
        self._noise = HeldNoise(noise, trainable=True)
        self._window.render(self._noise)
        self.leaves = list(self._noise.held.values())
        self._squares = [float(leaf.detach().square().mean()) for leaf in self.leaves]

    def image(self) -> Tensor:
        """What the generator makes of the noise."""
        return self._window.render(self._noise)

    @torch.no_grad()
    def hold(self) -> None:
        """Make each field as weak as it may be."""
        for leaf, was in zip(self.leaves, self._squares, strict=True):
            most = was * (1 + _SIGMAS * sqrt(2 / leaf.numel()))
            leaf.mul_(min(1.0, sqrt(most / max(float(leaf.square().mean()), 1e-12))))

    def facts(self) -> dict[str, float]:
        """``noise_sigmas``: of the sum of its squares, among draws of so many numbers."""
        total, count = 0.0, 0
        for leaf in self.leaves:
            scale = max(self._noise.temperature, 1e-6) if not self._is_plain() else 1.0
            total += float((leaf.detach() / scale).square().sum())
            count += leaf.numel()
        return {"noise_sigmas": (total - count) / sqrt(2 * count)}

    def _is_plain(self) -> bool:
        """Whether the generator drew the noise at full strength, and weakens its effect."""
        squares = sum(s * leaf.numel() for s, leaf in zip(self._squares, self.leaves, strict=True))
        mean = squares / sum(leaf.numel() for leaf in self.leaves)
        return abs(mean - 1) < abs(mean - self._noise.temperature**2)


class CellVariables(Variables):
    """A change of the pixels, taken into the cells of the file (Eq. 11 of Man et al. 2022).

    ``begin``: the image to begin with; None is the scene's own. ``around``: an image whose
    coefficients may change by ``TRUST`` steps only.
    """

    rate = 1.0

    def __init__(self, scene: Scene, begin: Tensor | None, around: Tensor | None = None) -> None:
        files = JpegBatch.of_file(scene.jpeg).crop(scene.box)
        self._layout = files.layout
        self._ranges: list[Range] = []
        near = None if around is None else encode_dct(around[None], files.layout)
        for component, walls in enumerate(files.cell()):
            room = torch.maximum(walls.half - _MARGIN, walls.half / 2)
            low, high = walls.centre - room, walls.centre + room
            if near is not None:
                reach = 2 * TRUST * walls.half
                middle = torch.minimum(torch.maximum(near[component], low), high)
                low, high = (
                    torch.maximum(low, middle - reach),
                    torch.minimum(high, middle + reach),
                )
            self._ranges.append((low, high))
        start = scene.start if begin is None else begin
        self.leaves = [start.clone().requires_grad_()]

    def image(self) -> Tensor:
        """The nearest picture in the cells, in the gamut as far as that goes."""
        held = into_ranges(self._ranges, self.leaves[0][None], self._layout)
        black, white = held.new_tensor([0, 255])
        return into_ranges(self._ranges, hold(held, black, white), self._layout)[0]
