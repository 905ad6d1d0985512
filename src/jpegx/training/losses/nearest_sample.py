"""The losses of Bahat and Michaeli 2021 beside their game: of the map, and of the range.

The sample nearest to the source should be near it; values should be those of pixels.
"""

import torch
from torch import Tensor

from jpegx.models.generator import Encoded, Generator
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import HeldNoise, Noise


def range_loss(images: Tensor) -> Tensor:
    """Mean distance of the values from 0 … 1, a scalar (L_Range in the paper's Eq. 1).

    Theirs is from 16 … 235 in 255, the range of video; JPEG files have the full range.
    """
    return (images - images.clamp(0, 1)).abs().mean()


def distances(images: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error of each image (N, C, H, W), 0 to 1: (N)."""
    return (images - targets).abs().mean(dim=(1, 2, 3))


def search_noise(
    generator: Generator, encoded: Encoded, targets: Tensor, noise: Noise, steps: int, rate: float
) -> HeldNoise:
    """Noise whose samples are near the sources: the min over z of L_Map (the paper's Eq. 1).

    ``noise``: where it begins, one sample a file. Adam (Kingma and Ba 2015) changes it, with a
    learning rate, and of each file the best of what its steps have seen is kept. The weights get no
    gradients.
    """
    held = HeldNoise(noise, trainable=True)
    images = generator.render(encoded, held)
    leaves = list(held.held.values())
    optimizer = torch.optim.Adam(leaves, lr=rate)
    kept = [leaf.detach().clone() for leaf in leaves]
    least = torch.full((len(targets),), torch.inf, device=targets.device)
    for step in range(steps + 1):
        found = distances(images.float(), targets)
        better = found.detach() < least
        least = torch.where(better, found.detach(), least)
        for best, leaf in zip(kept, leaves, strict=True):
            times = len(leaf) // len(better)
            best.copy_(torch.where(repeat_samples(better, times)[:, None, None, None], leaf, best))
        if step < steps:
            for leaf, gradient in zip(
                leaves, torch.autograd.grad(found.sum(), leaves), strict=True
            ):
                leaf.grad = gradient
            optimizer.step()
            images = generator.render(encoded, held)
    return HeldNoise(noise, held=dict(zip(held.held, kept, strict=True)))
