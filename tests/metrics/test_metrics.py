"""Measures of one picture against independent implementations, closed forms and brute force."""

from math import inf, log2, log10

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from jpegx.metrics.psnr import luma, psnr
from jpegx.metrics.psnr_b import blocking_effect, psnr_b
from jpegx.metrics.ssim import SMALLEST, ssim
from scenes import noise


def pair(channels: int = 3, height: int = 45, width: int = 38) -> tuple[Tensor, Tensor]:
    """An original with structure, and the same with noise."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    waves = torch.stack(
        [127 + 90 * torch.sin(x / (3 + c)) * torch.cos(y / 5) for c in range(channels)]
    )
    off = waves + (noise(1, channels, height, width).float() - 127) / 6
    return off.round().clamp(0, 255), waves.round()


def test_psnr_is_scikit_images() -> None:
    image, original = pair()
    expected = peak_signal_noise_ratio(original.numpy(), image.numpy(), data_range=255)
    assert psnr(image, original) == pytest.approx(expected, abs=1e-6)
    assert psnr(image.to(torch.uint8), original.to(torch.uint8)) == pytest.approx(
        expected, abs=1e-6
    )


def test_psnr_of_equal_and_of_opposite_pictures() -> None:
    black = torch.zeros(1, 3, 4, dtype=torch.uint8)
    assert psnr(black, black) == inf
    assert psnr(black, torch.full_like(black, 255)) == 0
    with pytest.raises(ValueError, match="differ"):
        psnr(black, black.expand(3, -1, -1))


def test_luma_is_full_range_and_pillows() -> None:
    image = noise(0, 3, 50, 60)
    expected = np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L"))
    assert np.array_equal(luma(image)[0].numpy(), expected)
    assert torch.equal(luma(image[:1]), image[:1].float())
    assert luma(torch.full((3, 1, 1), 255)).item() == 255


@pytest.mark.parametrize("channels", [1, 3])
def test_gaussian_ssim_is_scikit_images(channels: int) -> None:
    image, original = pair(channels)
    expected = structural_similarity(
        image.double().numpy(),
        original.double().numpy(),
        data_range=255,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert 0.2 < expected < 0.95
    assert ssim(image, original) == pytest.approx(expected, abs=2e-5)


def test_uniform_ssim_by_brute_force() -> None:
    image, original = pair()
    x, y = (
        sliding_window_view(v.double().numpy(), (8, 8), axis=(1, 2)).reshape(3, -1, 64)
        for v in (image, original)
    )
    mean_x, mean_y = x.mean(-1), y.mean(-1)
    shared = (x * y).mean(-1) - mean_x * mean_y
    c1, c2 = 2.55**2, 7.65**2
    top = (2 * mean_x * mean_y + c1) * (2 * shared + c2)
    bottom = (mean_x**2 + mean_y**2 + c1) * (x.var(-1) + y.var(-1) + c2)
    assert ssim(image, original, "uniform") == pytest.approx((top / bottom).mean(), abs=2e-5)


def test_ssim_of_equal_and_of_small_pictures() -> None:
    image = noise(3, 3, SMALLEST, SMALLEST)
    assert ssim(image, image) == pytest.approx(1, abs=1e-6)
    assert ssim(image, image, "uniform") == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="smaller"):
        ssim(image[:, 1:], image[:, 1:])


def blocking_by_hand(values: np.ndarray) -> float:
    height, width = values.shape
    edge: list[float] = []
    inside: list[float] = []
    for y in range(height):
        for x in range(width - 1):
            (edge if x % 8 == 7 else inside).append((values[y, x] - values[y, x + 1]) ** 2)
    for y in range(height - 1):
        for x in range(width):
            (edge if y % 8 == 7 else inside).append((values[y, x] - values[y + 1, x]) ** 2)
    excess = max(0.0, float(np.mean(edge) - np.mean(inside)))
    return excess * log2(8) / log2(min(height, width))


@pytest.mark.parametrize("size", [(24, 32), (21, 43)])
def test_blocking_effect_by_brute_force(size: tuple[int, int]) -> None:
    steps = noise(5, 6, 6).float().repeat_interleave(8, 0).repeat_interleave(8, 1)
    blocky = steps[: size[0], : size[1]] + noise(6, *size).float() / 16
    expected = blocking_by_hand(blocky.double().numpy())
    assert expected > 100
    assert blocking_effect(blocky) == pytest.approx(expected, rel=1e-9)


def test_psnr_b_is_asymmetric_and_the_mean_of_the_channels() -> None:
    _, original = pair(3, 48, 48)
    steps = noise(2, 3, 6, 6).repeat_interleave(8, 1).repeat_interleave(8, 2)
    blocky = original + steps.float() / 16
    by_hand = [
        10 * log10(255**2 / (float((b - o).square().mean()) + blocking_by_hand(b.numpy())))
        for b, o in zip(blocky.double(), original.double(), strict=True)
    ]
    assert psnr_b(blocky, original) == pytest.approx(np.mean(by_hand), abs=1e-9)
    # With the arguments in the wrong order the blocks are free.
    assert psnr_b(blocky, original) < psnr_b(original, blocky) - 1
