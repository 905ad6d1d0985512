"""Several pictures at once, driven apart: "random diverse" of Bahat and Michaeli 2021."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.exploration.scene import Scene
from jpegx.exploration.variables import Variables


class Apart(Variables):
    """The variables of several pictures; together they make one tensor (pictures, C, H, W).

    The loss is -mean_i min_j mean |x_i - x_j| over the region, plus ``near`` times the mean change
    of all, plus a tenth of the change beside the region.
    """

    def __init__(self, scene: Scene, many: Sequence[Variables], near: float) -> None:
        self._scene, self._many, self._near = scene, many, near
        self.leaves = [leaf for one in many for leaf in one.leaves]
        self.rate = many[0].rate

    def image(self) -> Tensor:
        """All pictures."""
        return torch.stack([one.image() for one in self._many])

    def hold(self) -> None:
        """All of them."""
        for one in self._many:
            one.hold()

    def loss(self, images: Tensor) -> Tensor:
        """The number that is made small."""
        values = images[:, :, self._scene.mask].flatten(1)
        distances = (values[:, None] - values).abs().mean(dim=2)
        far = distances.new_full((len(values),), torch.inf).diag()
        total = -(distances + far.nan_to_num(0, posinf=1e9)).min(dim=1).values.mean()
        start = self._scene.start
        if self._near:
            total = (
                total + self._near * (values - start[:, self._scene.mask].flatten()).abs().mean()
            )
        beside = self._scene.units & ~self._scene.mask
        if beside.any():
            total = total + 0.1 * (images - start).abs()[:, :, beside].mean()
        return total
