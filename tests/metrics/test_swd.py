"""Sliced Wasserstein distance: against SciPy, and what it says of sharp and blurred pictures."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.stats import wasserstein_distance

from jpegx.metrics.swd import (
    LEVELS,
    SMALLEST,
    laplacian_pyramid,
    pyramid_patches,
    sliced_wasserstein,
)
from scenes import noise

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def enlarged(coarse: np.ndarray, like: np.ndarray) -> np.ndarray:
    spread = np.zeros_like(like)
    spread[::2, ::2] = coarse
    smooth: np.ndarray = ndimage.convolve(spread, 4 * KERNEL, mode="mirror")
    return smooth


@pytest.mark.parametrize("size", [(64, 80), (57, 91)])
def test_pyramid_is_scipys(size: tuple[int, int]) -> None:
    image = noise(0, 3, *size)
    pyramid = laplacian_pyramid(image)
    assert len(pyramid) == LEVELS
    for channel in range(3):
        level = image[channel].double().numpy()
        for found in pyramid[:-1]:
            coarse = ndimage.convolve(level, KERNEL, mode="mirror")[::2, ::2]
            assert found[channel].numpy() == pytest.approx(
                level - enlarged(coarse, level), abs=1e-3
            )
            level = coarse
        assert pyramid[-1][channel].numpy() == pytest.approx(level, abs=1e-3)


def test_patches_are_windows_of_the_levels() -> None:
    image = noise(1, 3, SMALLEST, 70)
    pyramid = laplacian_pyramid(image)
    for level, patches in zip(pyramid, pyramid_patches(image, seeded(), 5), strict=True):
        assert patches.shape == (5, 147)
        windows = level.unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
        for patch in patches:
            assert (windows.flatten(1) == patch).all(dim=1).any()


def test_equal_seeds_take_equal_places_and_small_pictures_are_refused() -> None:
    image = noise(1, 3, 64, 70)
    one, same, other = (pyramid_patches(image, seeded(s), 9)[0] for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="smaller"):
        pyramid_patches(image[:, : SMALLEST - 1], seeded(), 1)


def test_distance_is_scipys_over_random_directions() -> None:
    ours = torch.randn(300, 147, generator=seeded(1)) ** 3
    theirs = torch.randn(300, 147, generator=seeded(2))
    sides = []
    for side in (ours, theirs):
        channels = side.double().numpy().reshape(300, 3, 49)
        channels = channels - channels.mean(axis=(0, 2), keepdims=True)
        sides.append((channels / channels.std(axis=(0, 2), keepdims=True)).reshape(300, 147))
    random = np.random.default_rng(0)
    distances = []
    for _ in range(400):
        direction = random.normal(size=147)
        direction /= np.linalg.norm(direction)
        distances.append(wasserstein_distance(*(side @ direction for side in sides)))
    # Two sets of random directions; the standard error of their difference is below 2 %.
    expected = 1000 * np.mean(distances)
    assert sliced_wasserstein([ours], [theirs], 5)[0] == pytest.approx(expected, rel=0.06)


def test_contrast_and_colour_cast_are_not_compared() -> None:
    ours = torch.randn(50, 147, generator=seeded(1))
    scaled = (ours.view(50, 3, 49) * torch.tensor([2.0, 0.5, 7.0])[:, None] + 30).flatten(1)
    assert sliced_wasserstein([ours], [ours], 0) == [0]
    assert sliced_wasserstein([scaled], [ours], 0)[0] < 0.01
    with pytest.raises(ValueError, match="differ"):
        sliced_wasserstein([ours[1:]], [ours], 0)
