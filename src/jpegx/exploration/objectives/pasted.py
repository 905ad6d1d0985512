"""What is drawn or pasted into a picture, as far as the file allows (Bahat and Michaeli 2021)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.objectives.local_contrast import total_variation
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.scene import Scene, image_of, luma

_SPREAD = 5  # pixels: strokes are widened so much where what is beside them is kept


class _Pasted(Objective):
    """mean of alpha |x - x'| over the region, x' what is pasted."""

    quantity = "distance from what was drawn"
    keep = 1.0
    target: Tensor
    weight: Tensor

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        share = self.weight.sum().clamp(min=1e-6) * len(image)
        return ((image - self.target).abs() * self.weight).sum() / share

    def kept(self) -> Tensor:
        """All that is not near what is pasted."""
        near = F.max_pool2d(self.weight[None, None], _SPREAD, 1, _SPREAD // 2)[0, 0]
        return self.scene.units & (near == 0)

    def proposal(self) -> Tensor | None:
        """What is pasted, over what is there."""
        return torch.lerp(self.scene.start, self.target, self.weight)


class Imprint(_Pasted):
    """A picture pasted into the box of the region, where it is not transparent."""

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        pixels, self.weight = laid(scene, values["image"])
        self.target = torch.where(self.weight > 0, pixels, scene.start)


class Scribble(_Pasted):
    """Strokes: of a colour, or brighter or darker than what is there (``kind``), or smooth.

    Brighter and darker: the colours times 1 ± strength / 100. Smooth: total variation inside of the
    strokes.
    """

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        pixels, self.weight = laid(scene, values["strokes"])
        self.kind = values["kind"]
        strength = values["strength"] / 100
        match self.kind:
            case "colour":
                target = pixels
            case "brighter":
                target = scene.start * (1 + strength)
            case "darker":
                target = scene.start * (1 - strength)
            case _:
                target = scene.start
        self.target = torch.where(self.weight > 0, target.clamp(0, 255), scene.start)

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        if self.kind == "smooth":
            return total_variation(image, self.weight > 0.5)
        return super().__call__(image)


def laid(scene: Scene, picture: np.ndarray) -> tuple[Tensor, Tensor]:
    """A picture, uint8 (h, w, 4), resized to the box of the region: its image, its alpha (H, W).

    Both of the scene's box; the alpha is 0 to 1, and 0 outside of the region.
    """
    box = scene.region.box
    height, width = box.bottom - box.top, box.right - box.left
    image = image_of(picture)
    if image.shape[1:] != (height, width):
        image[:3] *= image[3:] / 255
        image = F.interpolate(
            image[None], (height, width), mode="bilinear", align_corners=False, antialias=True
        )[0]
        image[:3] /= (image[3:] / 255).clamp(min=1e-3)
    colours = image[:3].clamp(0, 255)
    if len(scene.start) == 1:
        colours = luma(colours)[None]
    inner = box.inside(scene.box)
    pixels, alpha = torch.zeros_like(scene.start), torch.zeros_like(scene.start[0])
    inner.of(pixels)[:] = colours
    inner.of(alpha)[:] = image[3] / 255
    alpha = alpha * scene.mask
    if not alpha.max() > 0.5:
        raise JpegxError("nothing is drawn in the region: the picture is transparent there")
    return pixels, alpha
