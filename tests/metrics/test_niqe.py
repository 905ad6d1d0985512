"""NIQE: features against SciPy, the model's file, and the scores of pictures that get worse."""

from math import isnan
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy import ndimage
from scipy.special import gamma

from jpegx.metrics.natural_scenes import scene_features
from jpegx.metrics.niqe import BadNiqe, Niqe, default_niqe
from jpegx.metrics.psnr import luma
from scenes import dead_leaves, noise

SHAPES = np.arange(0.2, 10, 0.001)
RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))


def fit_by_search(values: np.ndarray) -> tuple[float, float, float, float]:
    left = np.sqrt((values[values < 0] ** 2).mean())
    right = np.sqrt((values[values > 0] ** 2).mean())
    skew = left / right
    ratio = np.abs(values).mean() ** 2 / (values**2).mean()
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = SHAPES[np.abs(RATIOS - ratio).argmin()]
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    mean = (right - left) * scale * gamma(2 / shape) / gamma(1 / shape)
    return float(shape), mean, left * scale, right * scale


def normalized_by_scipy(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    options = {"sigma": 7 / 6, "mode": "nearest", "radius": 3}
    mean = ndimage.gaussian_filter(gray, **options)
    deviation = np.sqrt(np.abs(ndimage.gaussian_filter(gray**2, **options) - mean**2))
    return (gray - mean) / (deviation + 1), deviation


def test_features_of_the_full_scale_are_scipys() -> None:
    image = dead_leaves(1, 200, 210)
    features, sharpness = scene_features(image)
    assert features.shape == (4, 36)
    gray = luma(image)[0].double().numpy()[:192, :192]
    normal, deviation = normalized_by_scipy(gray)
    for number, (top, left) in enumerate([(0, 0), (0, 96), (96, 0), (96, 96)]):
        patch = normal[top : top + 96, left : left + 96]
        shape, _, low, high = fit_by_search(patch)
        expected = [shape, (low + high) / 2]
        for shift in [(0, 1), (1, 0), (1, 1), (-1, 1)]:
            expected += fit_by_search(patch * np.roll(patch, shift, axis=(0, 1)))
        assert features[number, :18].numpy() == pytest.approx(expected, abs=2e-3)
        local = deviation[top : top + 96, left : left + 96].mean()
        assert float(sharpness[number]) == pytest.approx(local, rel=1e-4)


def test_features_of_the_half_scale_are_those_of_pillows_half() -> None:
    image = dead_leaves(2, 96, 192)
    gray = Image.fromarray(luma(image)[0].numpy())
    half = np.asarray(gray.resize((96, 48), Image.Resampling.BICUBIC)).astype(float)
    normal, _ = normalized_by_scipy(half)
    features, _ = scene_features(image)
    for number in range(2):
        patch = normal[:, 48 * number : 48 * (number + 1)]
        shape, _, low, high = fit_by_search(patch)
        expected = [shape, (low + high) / 2, *fit_by_search(patch * np.roll(patch, 1, axis=1))]
        assert features[number, 18:24].numpy() == pytest.approx(expected, abs=5e-3)


@pytest.fixture(scope="module")
def model() -> Niqe:
    return Niqe.fit((dead_leaves(seed) for seed in range(10, 22)), "dead leaves")


def test_score_rises_with_blur_noise_and_blocks(model: Niqe) -> None:
    image = dead_leaves(1)
    score = model.score(image)
    assert score < 4
    for sigma in (0.7, 1.5):
        soft = ndimage.gaussian_filter(image.numpy(), (0, sigma, sigma))
        assert model.score(torch.tensor(soft)) > (score := score + 0.5)
    noisy = image.float() + 0.3 * (noise(0, *image.shape).float() - 128)
    assert model.score(noisy.round().clamp(0, 255)) > model.score(image) + 1


def test_pictures_without_patches_or_texture_have_no_score(model: Niqe) -> None:
    assert isnan(model.score(noise(0, 3, 96, 191)))
    assert isnan(model.score(torch.full((3, 200, 200), 90)))


def test_gray_is_colour_of_equal_channels(model: Niqe) -> None:
    gray = luma(dead_leaves(3))
    assert model.score(gray) == model.score(gray.expand(3, -1, -1))


def test_model_file(model: Niqe, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = Niqe.load(path)
    assert torch.equal(again.mean, model.mean)
    assert torch.equal(again.covariance, model.covariance)
    assert again.fitted_on == "dead leaves"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_bad_model_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no model")
    save_file({"mean": torch.zeros(36)}, tmp_path / "short")
    wrong = {"mean": torch.zeros(36), "covariance": torch.zeros(36, 36)}
    save_file(wrong, tmp_path / "single", {"format": "jpegx niqe 1"})
    for name in ("none", "text", "short", "single"):
        with pytest.raises(BadNiqe, match=name) as caught:
            Niqe.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_too_few_patches_are_refused() -> None:
    with pytest.raises(BadNiqe, match="too few"):
        Niqe.fit([dead_leaves(0)], "one picture")
    with pytest.raises(BadNiqe, match="too few"):
        Niqe.fit([noise(0, 3, 50, 50)], "small pictures")


def test_default_model_knows_photos(example: Path) -> None:
    model = default_niqe()
    assert "CID22" in model.fitted_on
    photo = np.asarray(Image.open(example).convert("RGB")).transpose(2, 0, 1)
    soft = ndimage.gaussian_filter(photo, (0, 2, 2))
    assert model.score(torch.tensor(photo)) < model.score(torch.tensor(soft)) - 1
