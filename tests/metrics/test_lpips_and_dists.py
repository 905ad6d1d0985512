"""LPIPS and DISTS with random weights against NumPy; the published weights where they are."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from jpegx.metrics.dists import Dists
from jpegx.metrics.frozen_network import MissingNetwork, read_tensors
from jpegx.metrics.lpips import Lpips
from jpegx.metrics.vgg_layers import ENDS as LAYERS
from jpegx.metrics.vgg_layers import VggLayers, torchvision_names
from scenes import noise

# torchvision's vgg16().features: where the convolutions are, and after which the blocks end.
CONVOLUTIONS = {
    0: (3, 64),
    2: (64, 64),
    5: (64, 128),
    7: (128, 128),
    10: (128, 256),
    12: (256, 256),
    14: (256, 256),
    17: (256, 512),
    19: (512, 512),
    21: (512, 512),
    24: (512, 512),
    26: (512, 512),
    28: (512, 512),
}
ENDS = (2, 7, 14, 21, 28)


@pytest.fixture(scope="module")
def vgg() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    state = {}
    for number, (inputs, outputs) in CONVOLUTIONS.items():
        kernel = torch.randn(outputs, inputs, 3, 3, generator=random)
        state[f"features.{number}.weight"] = kernel * (2 / (9 * inputs)) ** 0.5
        state[f"features.{number}.bias"] = 0.1 * torch.randn(outputs, generator=random)
    return state


def blocks_of(vgg: dict[str, Tensor], name: str = "vgg") -> VggLayers:
    return VggLayers(vgg, Path(name), torchvision_names(16), LAYERS)


def by_hand(
    vgg: dict[str, Tensor], values: np.ndarray, pool: Callable[[np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """The five blocks, (D, H, W) each, of a normalized picture."""
    found = []
    for number in CONVOLUTIONS:
        if number and number - 3 in ENDS:
            values = pool(values)
        kernel = vgg[f"features.{number}.weight"].double().numpy()
        around = np.pad(values, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2))
        values = np.tensordot(kernel, windows, axes=((1, 2, 3), (0, 3, 4)))
        values = np.maximum(values + vgg[f"features.{number}.bias"].numpy()[:, None, None], 0)
        if number in ENDS:
            found.append(values)
    return found


def halved(values: np.ndarray) -> np.ndarray:
    """The largest of 2x2; an odd row or column is left out."""
    depth, height, width = values.shape
    whole = values[:, : height // 2 * 2, : width // 2 * 2]
    largest: np.ndarray = whole.reshape(depth, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return largest


def blurred_and_halved(values: np.ndarray) -> np.ndarray:
    """The root of squares weighted by a Hann window."""
    window = np.hanning(5)[1:-1]
    kernel = np.outer(window, window) / window.sum() ** 2
    around = np.pad(values**2, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(1, 2))[:, ::2, ::2]
    found: np.ndarray = np.sqrt((windows * kernel).sum(axis=(3, 4)) + 1e-12)
    return found


def pictures() -> tuple[Tensor, Tensor]:
    original = noise(0, 3, 37, 34)
    return (original.int() + noise(1, 3, 37, 34) // 4 - 32).clamp(0, 255).to(torch.uint8), original


def lpips_state() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    sizes = enumerate((64, 128, 256, 512, 512))
    return {f"lin{i}.model.1.weight": torch.rand(1, n, 1, 1, generator=random) for i, n in sizes}


def dists_state() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(2)
    return {name: torch.rand(1, 1475, 1, 1, generator=random) for name in ("alpha", "beta")}


def test_lpips_is_its_definition(vgg: dict[str, Tensor]) -> None:
    state, both = lpips_state(), pictures()
    shift = np.array([-0.030, -0.088, -0.188])[:, None, None]
    scale = np.array([0.458, 0.448, 0.450])[:, None, None]
    x, y = (by_hand(vgg, (i.numpy() / 127.5 - 1 - shift) / scale, halved) for i in both)
    expected = 0.0
    for layer, (a, b) in enumerate(zip(x, y, strict=True)):
        weight = state[f"lin{layer}.model.1.weight"].numpy()[0, :, :, 0, None]
        units = [v / np.linalg.norm(v, axis=0, keepdims=True).clip(1e-9) for v in (a, b)]
        expected += ((units[0] - units[1]) ** 2 * weight.reshape(-1, 1, 1)).sum(axis=0).mean()
    metric = Lpips(blocks_of(vgg), state, Path("lpips"))
    assert expected > 0.01
    assert metric.distance(*both) == pytest.approx(expected, rel=1e-4)
    assert metric.distance(both[1], both[1]) == 0


def test_dists_is_its_definition(vgg: dict[str, Tensor]) -> None:
    state, both = dists_state(), pictures()
    mean = np.array([0.485, 0.456, 0.406])[:, None, None]
    spread = np.array([0.229, 0.224, 0.225])[:, None, None]
    sides = [
        [i.numpy() / 255, *by_hand(vgg, (i.numpy() / 255 - mean) / spread, blurred_and_halved)]
        for i in both
    ]
    whole = float(state["alpha"].sum() + state["beta"].sum())
    alpha, beta = (state[name].double().numpy().ravel() / whole for name in ("alpha", "beta"))
    expected, channel = 1.0, 0
    for a, b in zip(*sides, strict=True):
        for x, y in zip(a, b, strict=True):
            covariance = np.cov(x.ravel(), y.ravel(), bias=True)
            means = (2 * x.mean() * y.mean() + 1e-6) / (x.mean() ** 2 + y.mean() ** 2 + 1e-6)
            spreads = (2 * covariance[0, 1] + 1e-6) / (np.trace(covariance) + 1e-6)
            expected -= alpha[channel] * means + beta[channel] * spreads
            channel += 1
    assert channel == 1475
    metric = Dists(blocks_of(vgg), state, Path("dists"))
    assert expected > 0.01
    assert metric.distance(*both) == pytest.approx(expected, rel=1e-3)
    assert metric.distance(both[1], both[1]) == pytest.approx(0, abs=1e-5)


def test_files_are_read_as_data(vgg: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(lpips_state(), tmp_path / "lpips.safetensors")
    torch.save(lpips_state(), tmp_path / "lpips.pth")
    for name in ("lpips.safetensors", "lpips.pth"):
        found = read_tensors(tmp_path / name)
        assert torch.equal(found["lin3.model.1.weight"], lpips_state()["lin3.model.1.weight"])  # type: ignore[arg-type]
    blocks = blocks_of(vgg)
    with pytest.raises(MissingNetwork, match=r"other.*lin0\.model\.1\.weight"):
        Lpips(blocks, dists_state(), Path("other"))
    with pytest.raises(MissingNetwork, match=r"other.*alpha"):
        Dists(blocks, lpips_state(), Path("other"))
    with pytest.raises(MissingNetwork, match=r"gone.*features\.28\.bias"):
        blocks_of({k: v for k, v in vgg.items() if k != "features.28.bias"}, "gone")


@pytest.mark.parametrize(
    ("package", "name", "metric"),
    [("lpips", "weights/v0.1/vgg.pth", Lpips), ("DISTS_pytorch", "weights.pt", Dists)],
)
def test_published_weights_fit(
    vgg: dict[str, Tensor], package: str, name: str, metric: type[Lpips] | type[Dists]
) -> None:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    path = Path(spec.submodule_search_locations[0]) / name
    found = metric(blocks_of(vgg), read_tensors(path), path)
    image, original = pictures()
    assert 0 < found.distance(image, original) < 2
