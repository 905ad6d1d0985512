"""Brighter and darker regions (Bahat and Michaeli 2021, section 5)."""

from torch import Tensor

from jpegx.exploration.bounds import Bounds
from jpegx.exploration.cell_bounds import Range, cell_range, used_blocks
from jpegx.exploration.functionals import Functional, mean
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.patch import Finisher
from jpegx.exploration.scene import Scene, image_of, luma

_LUMA_SHARES = {"ycbcr": (1.0, 0.0, 0.0), "gray": (1.0,), "rgb": (0.299, 0.587, 0.114)}
_FAR = 64.0  # gray levels: to where the search begins, and from where it is taken into the cells


class Brighten(Objective):
    """(mean Y of the region - target)², the target so many gray levels above what is there.

    Bahat and Michaeli's authors scale the value V of the colours; the mean of the luma is what the
    file bounds. ``to`` "max": the certified bound is the target.
    """

    quantity = "mean luma"
    sign = 1

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.before = self.measure(scene.start)
        self.to_the_end = values["to"] == "max"
        if self.to_the_end:
            ends = luma_range(scene)
            self.target = ends.most if self.sign > 0 else ends.least
        elif values["to"]:
            self.target = float(values["to"])
        else:
            self.target = self.before + self.sign * values["strength"]
        self.keep = 0.0 if self.to_the_end else 0.1

    def __call__(self, image: Tensor) -> Tensor:
        """Squared gray levels."""
        return (self.scene.mean(luma(image)) - self.target) ** 2

    def measure(self, image: Tensor) -> float:
        """The mean luma of the region."""
        return float(self.scene.mean(luma(image)))

    def proposal(self) -> Tensor | None:
        """For the end: an exact picture that comes near to it."""
        if not self.to_the_end:
            return None
        scene = self.scene
        if scene.jpeg.layout.color_space == "rgb":
            return scene.start + self.sign * _FAR * scene.mask
        found = Bounds(Finisher(scene.jpeg, scene.touched)).thorough(_mean(scene, 0), 0)
        assert found.patches is not None
        return image_of(found.patches[self.sign > 0].pixels)


class Darken(Brighten):
    """As :class:`Brighten`, downwards."""

    sign = -1


def luma_range(scene: Scene) -> Range:
    """The certified ends of the mean luma of a scene's region, from the cells."""
    part = scene.touched.jpeg(scene.jpeg)
    least = most = 0.0
    for component, share in enumerate(_LUMA_SHARES[scene.jpeg.layout.color_space]):
        if share:
            ends = cell_range(used_blocks(part, _mean(scene, component))[1])
            least, most = least + share * ends.least, most + share * ends.most
    return Range(least, most)


def _mean(scene: Scene, component: int) -> Functional:
    return mean("mean luma", component, scene.region, scene.touched)
