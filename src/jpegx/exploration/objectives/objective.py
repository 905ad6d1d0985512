"""What an edit strives for: a number of a picture that is made small."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from jpegx.exploration.cell_bounds import Range
from jpegx.exploration.scene import Scene, image_of
from jpegx.exploration.statements import GRAY_LEVELS

Values = Mapping[str, Any]


class Objective(ABC):
    """A number of the pixels in a scene, differentiable almost everywhere; less is better.

    ``values``: of the tool's parameters, checked by :mod:`jpegx.exploration.tools`. ``quantity``,
    ``unit``: what :meth:`measure` tells the user. ``keep``: weight of what changes beside the
    region in its units, in gray levels. ``colour``: weight of what changes in the colours of the
    units, where only brightness is meant. Images are float32 (C, H, W) in gray levels.
    """

    quantity: str
    unit: ClassVar[str] = GRAY_LEVELS
    keep: float = 0.1
    colour: float = 0.0

    def __init__(self, scene: Scene, values: Values) -> None:
        self.scene = scene
        self.values = values

    @abstractmethod
    def __call__(self, image: Tensor) -> Tensor:
        """The number that is made small."""

    def measure(self, image: Tensor) -> float:
        """The number that the user is told."""
        return float(self(image))

    def exact(self, pixels: np.ndarray) -> float:
        """What :meth:`measure` tells, of 8-bit pixels (H, W, C): as libjpeg has it, if it does."""
        return self.measure(image_of(pixels))

    def ends(self) -> Range | None:
        """The certified ends of the measure, where there are some."""
        return None

    def kept(self) -> Tensor:
        """The pixels, bool (H, W), that are to stay as they are as far as possible."""
        return self.scene.units & ~self.scene.mask

    def proposal(self) -> Tensor | None:
        """A picture that would be ideal if the file allowed it, to begin the search near it."""
        return None
