"""Control of structure: what the means of a control signal ask of the gradients of a sample.

Of the authors' code of Bahat and Michaeli 2020 and 2021; neither paper has it. Three numbers, each
in every third channel of the signal, are those of a structure tensor: how much the picture changes
across, down, and along which diagonal.
"""

from dataclasses import dataclass, replace
from math import tau

import torch
from torch import Tensor, nn

from jpegx.models.noise import Noise, NoiseField

_SHARE = 0.05  # of the tensors seen is below the lowest of what is asked for, and above the highest
_FORGET = 0.99
_FLOOR = 1e-8
_EDGE = 1 - 1e-6


@dataclass(frozen=True)
class StructuredNoise(Noise):
    """Gaussian numbers whose distribution function gives the three numbers of random tensors.

    The same at every position. Eigenvalues uniform from 0 to 1, the direction uniform.
    """

    noise: Noise

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        three = replace(field, channels=3, law="uniform")
        drawn = self.noise.draw(three, like[:, :, :1, :1].float(), (0, 0), samples) + 0.5
        (first, second), turn = drawn[:, :2].unbind(dim=1), drawn[:, 2] * tau
        sine, cosine = turn.sin(), turn.cos()
        across = 2 * (second * sine.square() + first * cosine.square()) - 1
        down = 2 * (first * sine.square() + second * cosine.square()) - 1
        diagonal = 2 * (first - second) * sine * cosine
        numbers = torch.stack([across, down, diagonal], dim=1).clamp(-_EDGE, _EDGE)
        channels = torch.arange(field.channels, device=like.device) % 3
        gaussian = torch.erfinv(numbers[:, channels]) * 2**0.5
        return gaussian.to(like.dtype).expand(-1, -1, *like.shape[2:])


def structure_numbers(images: Tensor, sources: Tensor) -> Tensor:
    """Σ I_x², Σ I_y², Σ I_x I_y over the geometric mean of the sources' first two, (N, 3).

    ``images``, ``sources``: (N, C, H, W), 0 to 1; I is the mean of the channels.
    """

    def sums(pictures: Tensor) -> Tensor:
        gray = pictures.mean(dim=1)
        across = (gray[:, :, 1:] - gray[:, :, :-1])[:, :-1]
        down = (gray[:, 1:] - gray[:, :-1])[:, :, :-1]
        products = (across.square(), down.square(), across * down)
        return torch.stack([p.sum(dim=(1, 2)) for p in products], dim=1)

    theirs = sums(sources)[:, :2].prod(dim=1, keepdim=True)
    return sums(images) / (theirs + _FLOOR).sqrt()


class StructureLoss(nn.Module):
    """Mean absolute difference of what is asked for and what is there, both from -1 to 1.

    What is there is mapped so that the 5th and the 95th of 100 of the sources seen so far are -1
    and 1: ``low`` and ``high`` are running means of them, which a checkpoint keeps.
    """

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(3))
        self.register_buffer("high", torch.zeros(3))

    def forward(self, images: Tensor, sources: Tensor, control: Tensor) -> Tensor:
        """A scalar. ``images``, ``sources``: (N, C, H, W); ``control``: (N, 64, h, w), -1 to 1."""
        with torch.no_grad():
            self._look(structure_numbers(sources, sources))
        wide = (self.high - self.low).clamp(min=_FLOOR)
        there = 2 * (structure_numbers(images, sources) - self.low) / wide - 1
        whole = control.shape[1] // 3 * 3
        asked = control[:, :whole].mean(dim=(2, 3)).unflatten(1, (-1, 3)).mean(dim=1)
        distance: Tensor = (there - asked).abs().mean()
        return distance

    def _look(self, numbers: Tensor) -> None:
        shares = numbers.new_tensor([_SHARE, 1 - _SHARE])
        low, high = torch.quantile(numbers.float(), shares, dim=0)
        weight = 1 - _FORGET if self.high.any() else 1.0
        self.low.lerp_(low, weight)
        self.high.lerp_(high, weight)
