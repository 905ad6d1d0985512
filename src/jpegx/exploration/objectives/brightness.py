"""Brighter and darker regions (Bahat and Michaeli 2021, section 5)."""

import numpy as np
import torch
from torch import Tensor

from jpegx.exploration.bounds import Bounds
from jpegx.exploration.cell_bounds import Range, cell_range, used_blocks
from jpegx.exploration.functionals import Functional, mean, part_layout
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.patch import Finisher
from jpegx.exploration.scene import LUMA, Scene, image_of, luma
from jpegx.jpeg.color import to_components

_FAR = 64.0  # gray levels: to where the search begins, and from where it is taken into the cells
_NEAR = 0.5  # of the way to the certified end: so far the region is simply shifted


class MeanLuma(Objective):
    """(mean of the region - target)²: of the luma, or of a component."""

    colour = 0.3
    quantity = "mean luma"
    component = 0
    to_a_value = True  # whether a mean was named; else the region is only to become brighter
    target: float
    before: float

    def _to_end(self, sign: int) -> None:
        """The certified end becomes the target."""
        ends = self.ends()
        self.target = ends.most if sign > 0 else ends.least
        self.keep = 0.0

    def ends(self) -> Range:
        """The certified ends of the mean, from the cells."""
        part = self.scene.touched.jpeg(self.scene.jpeg)
        least = most = 0.0
        for component, share in self._shares():
            found = cell_range(used_blocks(part, self._functional(component))[1])
            least, most = least + share * found.least, most + share * found.most
        return Range(least, most)

    def _shares(self) -> list[tuple[int, float]]:
        """The components that it is the mean of, and their shares."""
        if self.scene.jpeg.layout.color_space == "rgb":
            return list(enumerate(LUMA))
        return [(0, 1.0)]

    def _functional(self, component: int) -> Functional:
        return mean(self.quantity, component, self.scene.region, self.scene.touched)

    def _plane(self, image: Tensor) -> Tensor:
        return luma(image)

    def __call__(self, image: Tensor) -> Tensor:
        """Squared gray levels."""
        return (self.scene.mean(self._plane(image)) - self.target) ** 2

    def measure(self, image: Tensor) -> float:
        """The mean over the region."""
        return float(self.scene.mean(self._plane(image)))

    def exact(self, pixels: np.ndarray) -> float:
        """The mean of the samples that libjpeg makes of the pixels."""
        layout = part_layout(self.scene.jpeg.layout, self.scene.box)
        parts = self._shares()
        return sum(share * self._functional(c).value(pixels, layout) for c, share in parts)

    def proposal(self) -> Tensor | None:
        """On the way to an exact picture that comes near to the certified end, where that is far.

        All pictures between two that are in the cells are in the cells.
        """
        if not self.to_a_value:
            return None
        ends, sign = self.ends(), self.target > self.before
        room = (ends.most if sign else ends.least) - self.before
        if abs(self.target - self.before) < _NEAR * abs(room):
            return None
        scene = self.scene
        if len(self._shares()) > 1:
            return scene.start + (1 if sign else -1) * _FAR * scene.mask
        bounds = Bounds(Finisher(scene.jpeg, scene.touched))
        found = bounds.thorough(self._functional(self.component), 0)
        assert found.patches is not None
        end = image_of(found.patches[sign].pixels)
        way = (self.target - self.before) / (self.measure(end) - self.before or 1.0)
        if self.colour:  # what the end has in its colours is not meant
            end = scene.start + luma(end) - luma(scene.start)
        return torch.lerp(scene.start, end, min(max(way, 0.0), 1.0))


class Brighten(MeanLuma):
    """(mean Y of the region - target)², the target so many gray levels above what is there.

    Bahat and Michaeli's authors scale the value V of the colours; the mean of the luma is what the
    file bounds. ``to`` "max": the certified bound is the target.
    """

    sign = 1

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.before = self.measure(scene.start)
        self.to_a_value = values["to"] != ""
        if values["to"] == "max":
            self._to_end(self.sign)
        elif values["to"] != "":
            self.target = float(values["to"])
        else:
            self.target = self.before + self.sign * values["strength"]


class Darken(Brighten):
    """As :class:`Brighten`, downwards."""

    sign = -1


class Level(MeanLuma):
    """(mean of a component over the region - target)², or to its certified ends."""

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        names = scene.jpeg.layout.names
        if values["component"] not in names:
            raise BadParameter("component", f"the file has {', '.join(names)}")
        self.component = names.index(values["component"])
        self.colour = 0.3 if values["component"] == "Y" else 0.0
        self.quantity = f"mean {values['component']}"
        self.before = self.measure(scene.start)
        if values["to"] in ("least", "most"):
            self._to_end(1 if values["to"] == "most" else -1)
        else:
            self.target = float(values["to"] or self.before)

    def _shares(self) -> list[tuple[int, float]]:
        return [(self.component, 1.0)]

    def _plane(self, image: Tensor) -> Tensor:
        return to_components(image[None], self.scene.jpeg.layout)[0, self.component] + 128
