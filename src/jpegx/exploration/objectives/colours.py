"""Hue, saturation and value of a region's colours (Bahat and Michaeli 2021, for JPEG)."""

import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.exploration.objectives.objective import Objective, Values
from jpegx.exploration.scene import Scene


class _Colour(Objective):
    """mean |x - x'| over the region, x' the picture with its colours moved (in HSV)."""

    channel: int
    keep = 1.0

    def __init__(self, scene: Scene, values: Values) -> None:
        super().__init__(scene, values)
        if len(scene.start) == 1 and self.channel < 2:
            raise JpegxError(f"a gray picture has no {self.quantity}")
        hsv = to_hsv(scene.start) if len(scene.start) == 3 else scene.start.expand(3, -1, -1) / 255
        moved = self._moved(hsv[self.channel], values["strength"])
        hsv = torch.stack([moved if c == self.channel else hsv[c] for c in range(3)])
        target = from_hsv(hsv) if len(scene.start) == 3 else hsv[2:] * 255
        self.target = torch.where(scene.mask, target, scene.start)

    def _moved(self, channel: Tensor, strength: float) -> Tensor:
        return (channel + strength / 100).clamp(0, 1)

    def __call__(self, image: Tensor) -> Tensor:
        """Gray levels."""
        return self.scene.mean((image - self.target).abs())

    def proposal(self) -> Tensor:
        """The moved colours."""
        return self.target

    def measure(self, image: Tensor) -> float:
        """The mean of the channel over the region."""
        if len(image) == 1:
            return float(self.scene.mean(image)) / 2.55
        return 100 * float(self.scene.mean(to_hsv(image)[self.channel]))


class Hue(_Colour):
    """The hue turned by ``strength`` degrees."""

    quantity, unit = "hue", "degrees"
    channel = 0

    def _moved(self, channel: Tensor, strength: float) -> Tensor:
        return (channel + strength / 360) % 1

    def measure(self, image: Tensor) -> float:
        """The mean hue, 0 to 360, each pixel with the weight of its chroma."""
        hue, saturation, value = to_hsv(image)
        angle, weight = 2 * torch.pi * hue, saturation * value
        sine, cosine = (self.scene.mean(weight * f(angle)) for f in (torch.sin, torch.cos))
        return float(torch.rad2deg(torch.atan2(sine, cosine)) % 360)


class Saturation(_Colour):
    """The saturation moved by ``strength`` percent."""

    quantity, unit = "saturation", "percent"
    channel = 1


class Value(_Colour):
    """The value V, the largest of R, G and B, moved by ``strength`` percent."""

    quantity, unit = "value", "percent"
    channel = 2


def to_hsv(image: Tensor) -> Tensor:
    """Hue, saturation and value, each 0 to 1, (3, H, W), of an image in gray levels."""
    pixels = image.clamp(0, 255) / 255
    most, at = pixels.max(dim=0)
    span = most - pixels.min(dim=0).values
    red, green, blue = pixels
    safe = span.clamp(min=1e-9)
    sides = torch.stack(
        [(green - blue) / safe % 6, (blue - red) / safe + 2, (red - green) / safe + 4]
    )
    hue = sides.gather(0, at[None])[0] / 6
    return torch.stack([torch.where(span > 0, hue, 0), span / most.clamp(min=1e-9), most])


def from_hsv(hsv: Tensor) -> Tensor:
    """The inverse of :func:`to_hsv`: an image (3, H, W) in gray levels."""
    hue, saturation, value = hsv
    turn = (hue.new_tensor([5.0, 3.0, 1.0])[:, None, None] + hue * 6) % 6
    part = torch.minimum(turn, 4 - turn).clamp(0, 1)
    image: Tensor = 255 * (value - value * saturation * part)
    return image
