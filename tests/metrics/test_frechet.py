"""Fréchet and kernel distances against SciPy and closed forms; the Inception file's stand-in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Tensor, nn

from jpegx.metrics.frechet import FeatureMoments, frechet_distance, kid
from jpegx.metrics.inception import (
    FILE,
    SOURCE,
    BadInception,
    Inception,
    MissingInception,
    find_inception,
)
from scenes import noise


def moments(*parts: Tensor) -> FeatureMoments:
    found = FeatureMoments()
    for part in parts:
        found.add(part)
    return found


def gaussian(count: int, mean: Tensor, deviation: Tensor, seed: int) -> Tensor:
    """Vectors with exactly this mean and, on the diagonal, these deviations."""
    random = torch.Generator().manual_seed(seed)
    raw = torch.randn(count, len(mean), dtype=torch.float64, generator=random)
    raw = raw - raw.mean(dim=0)
    white = raw @ torch.linalg.inv(torch.linalg.cholesky(raw.T.cov())).T
    vectors: Tensor = white * deviation + mean
    return vectors


def by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    """Heusel et al. 2017, Eq. 6, with the root of the product itself."""
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(first @ second)
    change = a.mean(axis=0) - b.mean(axis=0)
    return float(change @ change + np.trace(first + second - 2 * np.real(root)))


def test_moments_of_portions_are_numpys() -> None:
    values = torch.randn(50, 7, dtype=torch.float64) * 3 + 100
    whole = moments(values[:1], values[1:20])
    whole.merge(moments(values[20:]))
    whole.merge(FeatureMoments())
    assert whole.count == 50
    assert whole.mean.numpy() == pytest.approx(values.numpy().mean(axis=0))
    assert whole.covariance.numpy() == pytest.approx(np.cov(values.numpy(), rowvar=False))


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_packed_moments_merge_as_the_vectors_do(count: int, size: int, parts: int) -> None:
    random = torch.Generator().manual_seed(count + 10 * size)
    portions = [
        torch.randn(count, size, dtype=torch.float64, generator=random) * 9 + i
        for i in range(parts)
    ]
    merged = FeatureMoments()
    for portion in portions:
        merged.merge(FeatureMoments.unpacked(moments(portion).packed()))
    whole = moments(torch.cat(portions))
    assert merged.count == whole.count
    assert torch.allclose(merged.mean, whole.mean)
    assert torch.allclose(merged.packed(), whole.packed())


def test_too_few_features_have_no_moments() -> None:
    with pytest.raises(ValueError, match="no features"):
        _ = FeatureMoments().mean
    with pytest.raises(ValueError, match="two"):
        _ = moments(torch.zeros(1, 3)).covariance


def test_distance_of_gaussians_in_closed_form() -> None:
    mean, deviation = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 0.5])
    other_mean, other_deviation = torch.tensor([1.0, 0.0, 3.5]), torch.tensor([3.0, 2.0, 0.25])
    a = moments(gaussian(40, mean, deviation, 0))
    b = moments(gaussian(60, other_mean, other_deviation, 1))
    expected = (mean - other_mean).square().sum() + (deviation - other_deviation).square().sum()
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [200, 12])  # 12 vectors of 20 numbers: covariances without rank
def test_distance_is_scipys(count: int) -> None:
    random = np.random.default_rng(0)
    mix = random.normal(size=(20, 20))
    a, b = random.normal(size=(count, 20)), random.normal(size=(count, 20)) @ mix + 0.3
    found = frechet_distance(moments(torch.tensor(a)), moments(torch.tensor(b)))
    assert found == pytest.approx(by_scipy(a, b), rel=1e-4)


def test_root_follows_what_is_added() -> None:
    values = torch.randn(30, 4, dtype=torch.float64)
    growing = moments(values[:10])
    assert (growing.root @ growing.root).numpy() == pytest.approx(growing.covariance.numpy())
    growing.add(values[10:])
    assert (growing.root @ growing.root).numpy() == pytest.approx(growing.covariance.numpy())


def test_kid_by_brute_force() -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(9, 5)), random.normal(size=(9, 5)) + 0.5

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 5 + 1) ** 3)

    pairs = [(i, j) for i in range(9) for j in range(9)]
    own = sum(kernel(s[i], s[j]) for s in (x, y) for i, j in pairs if i != j) / (9 * 8)
    expected = own - 2 * sum(kernel(x[i], y[j]) for i, j in pairs) / 81
    mean, std = kid(torch.tensor(x), torch.tensor(y), subsets=3)
    assert mean == pytest.approx(expected)
    assert std == pytest.approx(0, abs=1e-12)


def test_kid_of_one_law_is_zero_on_average() -> None:
    random = torch.Generator().manual_seed(0)
    x, y = (torch.randn(400, 16, generator=random) for _ in range(2))
    mean, std = kid(x, y, subsets=50, size=100)
    assert abs(mean) < 0.05
    assert std > 0
    assert kid(x, y + 1, subsets=50, size=100)[0] > 1
    with pytest.raises(ValueError, match="two"):
        kid(x[:1], y)


class StandIn(nn.Module):
    """Features with the Inception file's interface: colours of the four quarters of an image."""

    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        quarters = nn.functional.adaptive_avg_pool2d(images.float() / 255, 2).flatten(1)
        features = torch.cat([quarters, quarters.square()], dim=1)
        return features if return_features else features[:, :2]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / FILE
    torch.jit.script(StandIn()).save(str(path))
    return path


def test_fid_of_a_stand_in_is_scipys(stand_in: Path) -> None:
    network = Inception(stand_in)
    ours, theirs = noise(0, 70, 3, 20, 20), noise(1, 40, 3, 20, 20) // 2 + 60
    a, b = network.features(ours), network.features(theirs)
    assert a.shape == (70, 24)
    assert a.dtype == torch.float32

    def by_numpy(images: Tensor) -> np.ndarray:
        blocks = images.numpy().reshape(len(images), 3, 2, 10, 2, 10) / 255
        quarters = blocks.mean(axis=(3, 5)).reshape(len(images), -1)
        return np.concatenate([quarters, quarters**2], axis=1)

    expected = by_scipy(by_numpy(ours), by_numpy(theirs))
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-4)


def test_inception_is_looked_for_in_three_places(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JPEGX_INCEPTION", raising=False)
    with pytest.raises(MissingInception) as caught:
        find_inception()
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "jpegx" / FILE) in message
    assert SOURCE in message
    cached = tmp_path / "jpegx" / FILE
    cached.parent.mkdir()
    cached.write_bytes(b"")
    assert find_inception() == cached
    monkeypatch.setenv("JPEGX_INCEPTION", str(stand_in))
    assert find_inception() == stand_in
    assert find_inception(cached) == cached
    with pytest.raises(MissingInception, match="other"):
        find_inception(tmp_path / "other")


class Wrong(nn.Module):
    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        return images if return_features else images[:1]


class OtherArguments(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images


@pytest.mark.parametrize("network", [Wrong(), OtherArguments()])
def test_other_networks_are_refused(network: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    torch.jit.script(network).save(str(path))
    with pytest.raises(BadInception, match=r"network\.pt") as caught:
        Inception(path).features(noise(0, 2, 3, 8, 8))
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.pt"
    path.write_text("no network")
    with pytest.raises(BadInception, match="not a TorchScript") as caught:
        Inception(path)
    assert "\n" not in str(caught.value)
