"""Local contrast: more, less, the same pattern stronger, or smooth (Bahat and Michaeli 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.scene import Scene, luma

_SIZE = 7  # pixels of a patch each way
_LEAST = 1.0  # gray levels: patches flatter than this have no pattern to scale


class LocalSpread:
    """Standard deviations of the luma in the 7x7 patches that lie in a region.

    In the whole region, where no patch fits into it.
    """

    def __init__(self, scene: Scene) -> None:
        self._mask = scene.mask
        height, width = scene.mask.shape
        self.fits = None
        if min(height, width) >= _SIZE:
            full = F.avg_pool2d(scene.mask.float()[None, None], _SIZE, 1)[0, 0] > 1 - 1e-4
            self.fits = full if full.any() else None

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels, (patches,)."""
        values = luma(image)
        if self.fits is None:
            return values[self._mask].var(correction=0).clamp(min=1e-6).sqrt()[None]
        values = values - values.detach().mean()
        means = F.avg_pool2d(values[None, None], _SIZE, 1)[0, 0]
        squares = F.avg_pool2d(values.square()[None, None], _SIZE, 1)[0, 0]
        stds: Tensor = (squares - means.square()).clamp(min=1e-6).sqrt()[self.fits]
        return stds

    def patches(self, image: Tensor) -> Tensor:
        """The luma of the patches, (patches, 49); of one that is the region where none fits."""
        values = luma(image)
        if self.fits is None:
            return values[self._mask][None]
        return F.unfold(values[None, None], _SIZE)[0].T[self.fits.flatten()]


class Variance(Objective):
    """mean over the patches of (std - (std before ± strength))²; ``whole``: of the region at once.

    Bahat and Michaeli 2021 write (Var - c)²; their code has the local standard deviation.
    """

    colour = 0.3
    quantity = "local standard deviation"

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.spread = LocalSpread(scene)
        if values["whole"]:
            self.spread.fits = None
        self.target = (self.spread(scene.start) + values["strength"]).clamp(min=0)
        self.keep = 0.1 * values["strength"] ** 2

    def __call__(self, image: Tensor) -> Tensor:
        """Squared gray levels."""
        loss: Tensor = (self.spread(image) - self.target).square().mean()
        return loss

    def measure(self, image: Tensor) -> float:
        """The mean of the standard deviations."""
        return float(self.spread(image).mean())


class Magnitude(Objective):
    """mean |D - (m + (D before - m)(s ± strength) / s)|² over patches D, m and s their moments.

    The same structure, stronger or weaker; from the code of Bahat and Michaeli 2021.
    """

    colour = 0.3
    quantity = "local standard deviation"

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.spread = LocalSpread(scene)
        patches = self.spread.patches(scene.start)
        middle = patches.mean(dim=1, keepdim=True)
        std = patches.std(dim=1, correction=0, keepdim=True).clamp(min=_LEAST)
        self.target = middle + (patches - middle) * ((std + values["strength"]) / std).clamp(min=0)
        self.keep = 0.1 * values["strength"] ** 2

    def __call__(self, image: Tensor) -> Tensor:
        """Squared gray levels."""
        loss: Tensor = (self.spread.patches(image) - self.target).square().mean()
        return loss

    def measure(self, image: Tensor) -> float:
        """The mean of the standard deviations."""
        return float(self.spread(image).mean())


class Smooth(Objective):
    """Total variation: mean |dx| + mean |dy| + (100 / 255) mean (std - std before)².

    Of Bahat and Michaeli 2021; their code adds the last term, which keeps what contrast there is.
    """

    colour = 0.3
    quantity = "total variation"

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        self.spread = LocalSpread(scene)
        self.before = self.spread(scene.start)
        self.flatten = values["flatten"]

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        kept = (self.spread(image) - self.before).square().mean() * (100 / 255)
        variation = total_variation(image, self.scene.mask)
        loss: Tensor = variation if self.flatten else variation + kept
        return loss

    def measure(self, image: Tensor) -> float:
        """Its first two terms."""
        return float(total_variation(image, self.scene.mask))


def total_variation(image: Tensor, mask: Tensor) -> Tensor:
    """The mean absolute difference of neighbours in a mask, down and across, in gray levels."""
    found = image.new_zeros(())
    for axis in (1, 2):
        both = torch.logical_and(*_neighbours(mask[None], axis))
        if both.any():
            first, second = _neighbours(image, axis)
            found = found + (second - first).abs()[:, both[0]].mean()
    return found


def _neighbours(values: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    length = values.shape[axis] - 1
    return values.narrow(axis, 0, length), values.narrow(axis, 1, length)
