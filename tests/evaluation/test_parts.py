"""Crops, shares of frequencies, equivalent quality; and how the measures rank decoders."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from scipy.fft import dctn
from torch import Tensor

from jpegx.evaluation.benchmark.cropping import center_square, patches
from jpegx.metrics.equivalent_quality import JpegPoint, equivalent
from jpegx.metrics.frequencies import nonzero_share
from jpegx.metrics.niqe import Niqe
from jpegx.metrics.psnr import luma, psnr
from jpegx.metrics.swd import pyramid_patches, sliced_wasserstein
from scenes import dead_leaves, noise


def test_center_square_is_cut_and_reduced_as_pillow_does() -> None:
    image = noise(0, 3, 40, 61)
    assert torch.equal(center_square(image, 40), image[:, :, 10:50])
    cut = Image.fromarray(image[:, :, 10:50].permute(1, 2, 0).numpy())
    expected = np.asarray(cut.resize((16, 16), Image.Resampling.BICUBIC)).astype(int)
    found = center_square(image, 16).permute(1, 2, 0).numpy()
    assert found.dtype == np.uint8
    assert np.abs(found - expected).max() <= 1
    with pytest.raises(ValueError, match="no square"):
        center_square(image, 41)


def test_patches_do_not_overlap() -> None:
    image = noise(0, 3, 20, 27)
    found = patches(image, 8)
    assert found.shape == (6, 3, 8, 8)
    assert torch.equal(found[0], image[:, :8, :8])
    assert torch.equal(found[4], image[:, 8:16, 8:16])
    assert patches(image, 21).shape == (0, 3, 21, 21)


def compressed(image: Tensor, quality: int) -> Tensor:
    stream = BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(stream, "JPEG", quality=quality)
    return torch.tensor(np.asarray(Image.open(stream))).permute(2, 0, 1)


def test_shares_of_frequencies_are_scipys() -> None:
    image = compressed(dead_leaves(0, 64, 96), 10)
    blocks = patches(luma(image), 8)[:, 0].double().numpy()
    values = dctn(blocks - 128, axes=(1, 2), norm="ortho")
    # A coefficient that is nearly a half may be rounded to either side.
    low, high = ((np.abs(values) > 0.5 + step).mean(axis=0) for step in (0.15, -0.15))
    sums = np.add.outer(np.arange(8), np.arange(8))
    found = nonzero_share(image)
    assert len(found) == 15
    for frequency, share in enumerate(found):
        assert low[sums == frequency].mean() <= share <= high[sums == frequency].mean()


def test_shares_of_known_pictures() -> None:
    assert nonzero_share(torch.full((1, 16, 16), 128)) == [0] * 15
    assert nonzero_share(torch.full((3, 16, 16), 90)) == [1] + [0] * 14
    assert min(nonzero_share(noise(0, 1, 64, 64))) > 0.95


CURVE = [JpegPoint(10, 1000, 0.7), JpegPoint(20, 2000, 0.8), JpegPoint(40, 4000, 0.9)]


def test_equivalent_quality_between_two_points() -> None:
    found = equivalent(CURVE, 10, 0.85)
    assert found is not None
    assert found.quality == pytest.approx(30)
    assert found.saved == pytest.approx(2000 * 2**0.5 - 1000)


def test_equivalent_quality_at_and_off_the_curve() -> None:
    same = equivalent(CURVE[::-1], 20, 0.8)
    assert same is not None
    assert (same.quality, same.saved) == (20, 0)
    worse = equivalent(CURVE, 20, 0.75)
    assert worse is not None
    assert worse.quality == pytest.approx(15)
    assert worse.saved < 0
    assert equivalent(CURVE, 20, 0.95) is None
    assert equivalent(CURVE, 20, 0.65) is None
    with pytest.raises(ValueError, match="no point"):
        equivalent(CURVE, 30, 0.8)


@pytest.fixture(scope="module")
def decoded() -> dict[str, list[Tensor]]:
    """Pictures by what decoded them; "sharp" has all of the original, in other places."""
    originals = [dead_leaves(seed) for seed in range(4)]
    standard = [compressed(image, 10) for image in originals]
    soft = [ndimage.gaussian_filter(image.numpy(), (0, 1, 1)) for image in standard]
    return {
        "originals": originals,
        "standard": standard,
        "blurred": [torch.tensor(image) for image in soft],
        "sharp": [image.roll((2, 3), dims=(1, 2)) for image in originals],
    }


def test_distortion_ranks_the_sharp_decoder_last(decoded: dict[str, list[Tensor]]) -> None:
    decibels = {
        name: np.mean(
            [psnr(*pair) for pair in zip(decoded[name], decoded["originals"], strict=True)]
        )
        for name in ("standard", "blurred", "sharp")
    }
    assert decibels["sharp"] == min(decibels.values())


def test_swd_ranks_the_sharp_decoder_first(decoded: dict[str, list[Tensor]]) -> None:
    true = described(decoded["originals"], 0)
    levels = {
        name: sliced_wasserstein(described(pictures, 1), true, 0)
        for name, pictures in decoded.items()
    }
    finest = {name: distance[0] for name, distance in levels.items()}
    assert finest["sharp"] < 0.7 * finest["standard"] < 0.7 * 0.8 * finest["blurred"]
    mean = {name: np.mean(distance) for name, distance in levels.items()}
    assert mean["sharp"] < mean["standard"] < mean["blurred"]
    # What is left of it is chance: the originals' own distance from other places.
    assert mean["sharp"] == pytest.approx(mean["originals"], rel=0.1)


def test_niqe_ranks_the_sharp_decoder_first(decoded: dict[str, list[Tensor]]) -> None:
    model = Niqe.fit((dead_leaves(seed) for seed in range(10, 22)), "dead leaves")
    score = {
        name: np.mean([model.score(picture) for picture in pictures])
        for name, pictures in decoded.items()
    }
    assert score["sharp"] < 0.7 * min(score["standard"], score["blurred"])
    assert score["sharp"] == pytest.approx(score["originals"], abs=0.5)


def described(pictures: list[Tensor], seed: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(seed)
    levels = zip(*(pyramid_patches(picture, random, 512) for picture in pictures), strict=True)
    return [torch.cat(level) for level in levels]
