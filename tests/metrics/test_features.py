"""Frozen networks against their makers' code, plain arithmetic, and files that are not theirs."""

import os
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from frozen_states import BLOCKS, efficientnet_state
from jpegx.metrics import efficientnet_lite, vgg16
from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.metrics.features import NETWORKS, open_features, positions
from jpegx.metrics.frozen_network import FrozenNetwork, MissingNetwork, find_package_file
from jpegx.metrics.strided_depthwise import strided_depthwise
from jpegx.metrics.vgg16 import Vgg16
from scenes import noise


def test_the_quick_gradient_is_that_of_the_convolution() -> None:
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        """Small whole numbers, whose sums bfloat16 holds exactly."""
        return torch.randint(-2, 3, shape, generator=random).bfloat16()

    for kernel, size in ((3, (16, 16)), (3, (17, 14)), (5, (19, 20)), (5, (16, 11))):
        images = draw(2, 6, *size).requires_grad_(True)
        weight, bias = draw(6, 1, kernel, kernel), draw(6)
        plain = F.conv2d(images.float(), weight.float(), bias.float(), stride=2, groups=6)
        quick = strided_depthwise(images, weight, bias)
        assert torch.equal(quick.float(), plain)
        above = draw(*plain.shape)
        (wanted,) = torch.autograd.grad(plain, images, above.float())
        (found,) = torch.autograd.grad(quick, images, above)
        assert torch.equal(found, wanted)


def test_gradients_reach_the_images_in_the_number_type_of_training() -> None:
    network = EfficientNetLite0(efficientnet_state())
    images = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        seen = images.clone().requires_grad_(True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            features = network.features(seen)
        torch.stack([each.float().square().mean() for each in features.values()]).sum().backward()
        assert seen.grad is not None
        assert seen.grad.dtype == torch.float32
        found.append(seen.grad.flatten())
    assert F.cosine_similarity(found[0], found[1], dim=0) > 0.98


def by_hand(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """What comes out of each block, with the normalization as a step of its own."""

    def layer(values: Tensor, conv: str, normalization: str, stride: int) -> Tensor:
        weight = state[f"{conv}.weight"]
        kernel, groups = weight.shape[2], values.shape[1] // weight.shape[1]
        # TensorFlow's SAME: out = ceil(in / stride), what is odd goes to the end.
        need = [max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in values.shape[2:]]
        down, across = need
        padded = F.pad(
            values, (across // 2, across - across // 2, down // 2, down - down // 2), value=0.0
        )
        values = F.conv2d(padded, weight, stride=stride, groups=groups)
        of = {p: state[f"{normalization}.{p}"][:, None, None] for p in PARTS}
        whitened = (values - of["running_mean"]) / (of["running_var"] + 1e-3).sqrt()
        return whitened * of["weight"] + of["bias"]

    values = layer((images * 255 - 127) / 128, "_conv_stem", "_bn0", 2).clamp(0, 6)
    found = []
    for index, (_, stride, expansion, inputs, outputs) in enumerate(BLOCKS):
        block, inner = f"_blocks.{index}.", values
        if expansion > 1:
            inner = layer(inner, f"{block}_expand_conv", f"{block}_bn0", 1).clamp(0, 6)
        inner = layer(inner, f"{block}_depthwise_conv", f"{block}_bn1", stride).clamp(0, 6)
        inner = layer(inner, f"{block}_project_conv", f"{block}_bn2", 1)
        values = inner + values if stride == 1 and inputs == outputs else inner
        found.append(values)
    return found


PARTS = ("weight", "bias", "running_mean", "running_var")


@pytest.mark.parametrize("size", [(64, 96), (45, 37)])
def test_efficientnet_is_its_definition(size: tuple[int, int]) -> None:
    state = efficientnet_state()
    images = noise(0, 2, 3, *size).float() / 255
    found = EfficientNetLite0(state).features(images)
    blocks = by_hand(state, images)
    assert tuple(found) == EfficientNetLite0.strides
    for stride, block in {2: 0, 4: 2, 8: 4, 16: 10}.items():
        assert found[stride].shape[2:] == tuple(-(-n // stride) for n in size)
        scale = float(blocks[block].abs().max())
        assert torch.allclose(found[stride], blocks[block], atol=2e-5 * scale), stride


def test_efficientnet_is_its_makers() -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch")
    network = _installed("efficientnet-lite0")
    whole = theirs.EfficientNet.from_name("efficientnet-lite0").eval()
    path = find_package_file(efficientnet_lite.PACKAGE, efficientnet_lite.FILE, "")
    whole.load_state_dict(torch.load(path, weights_only=True))
    images = noise(1, 1, 3, 224, 224).float() / 255  # the size that its padding is made for
    values = torch.relu(whole._bn0(whole._conv_stem((images * 255 - 127) / 128))).clamp(max=6)
    found = network.features(images)
    for index, block in enumerate(whole._blocks[:11]):
        values = block(values)
        if index in (0, 2, 4, 10):
            stride = 224 // values.shape[2]
            assert torch.allclose(found[stride], values, atol=1e-3), stride


def vgg_state() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    state = {}
    widths = {"block1": (3, 64, 64), "block2": (64, 128, 128), "block3": (128, 256, 256, 256)}
    for block, channels in widths.items():
        for index, (inputs, outputs) in enumerate(pairwise(channels)):
            name = f"{block}/layers/conv2d{f'_{index}' if index else ''}/vars"
            kernel = torch.randn(3, 3, inputs, outputs, generator=random)
            state[f"{name}/0"] = kernel * (2 / (9 * inputs)) ** 0.5
            state[f"{name}/1"] = torch.randn(outputs, generator=random)
    return state


def vgg_by_hand(state: dict[str, Tensor], image: np.ndarray) -> list[np.ndarray]:
    """The second and third block (H, W, D) of an image (H, W, 3) in gray levels, by NumPy."""
    values = image[..., ::-1] - np.array([104.00699, 116.66877, 122.67892])
    found = []
    for block, count in (("block1", 2), ("block2", 2), ("block3", 3)):
        if block != "block1":
            height, width = (-(-n // 2) * 2 for n in values.shape[:2])
            whole = np.full((height, width, values.shape[2]), -np.inf)
            whole[: values.shape[0], : values.shape[1]] = values
            values = whole.reshape(height // 2, 2, width // 2, 2, -1).max(axis=(1, 3))
        for index in range(count):
            name = f"{block}/layers/conv2d{f'_{index}' if index else ''}/vars"
            kernel, bias = state[f"{name}/0"].numpy(), state[f"{name}/1"].numpy()
            around = np.pad(values, ((1, 1), (1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(0, 1))
            values = np.maximum(np.einsum("hwcij,ijcd->hwd", windows, kernel) + bias, 0)
        found.append(values)
    return found[1:]


def test_vgg_is_its_definition() -> None:
    state, image = vgg_state(), noise(2, 3, 10, 13)
    found = Vgg16(state).features(image[None].float() / 255)
    expected = vgg_by_hand(state, image.permute(1, 2, 0).numpy().astype(float))
    for stride, values in zip(Vgg16.strides, expected, strict=True):
        got = found[stride][0].permute(1, 2, 0).numpy()
        assert got == pytest.approx(values, rel=1e-4, abs=1e-3 * values.max())


@pytest.mark.parametrize("name", NETWORKS)
def test_installed_networks_see_what_a_blur_takes(name: str) -> None:
    network = _installed(name)
    image = noise(3, 3, 64, 64).float()
    blurred = F.avg_pool2d(image[None], 5, 1, 2)[0]
    sharp, soft = positions(network, image), positions(network, blurred)
    for stride in network.judged:
        assert sharp[stride].shape[0] == (64 // stride) ** 2
        assert float((sharp[stride] - soft[stride]).square().mean()) > 0
    gray = positions(network, image[:1])
    assert torch.equal(
        gray[network.judged[0]], positions(network, image[:1].expand(3, -1, -1))[network.judged[0]]
    )


def test_tiles_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    network = EfficientNetLite0(efficientnet_state())
    image = noise(5, 3, 288, 544)
    whole = positions(network, image)
    monkeypatch.setattr("jpegx.metrics.features._TILE", 256)
    tiles = positions(network, image)
    for stride in network.judged:
        assert tiles[stride].shape == whole[stride].shape
        # The same vectors, in the order of the tiles.
        scale = float(whole[stride].abs().max())
        assert torch.allclose(
            tiles[stride].sort(0).values, whole[stride].sort(0).values, atol=1e-4 * scale
        )


def test_features_are_differentiable_and_stay_frozen() -> None:
    network = EfficientNetLite0(efficientnet_state()).train()
    assert not network.training
    images = (noise(4, 1, 3, 32, 32).float() / 255).requires_grad_()
    network.features(images)[16].square().sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().sum()) > 0
    assert all(not p.requires_grad and p.grad is None for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jpegx.metrics.frozen_network.find_spec", lambda name: None)
    with pytest.raises(MissingNetwork, match="pip install") as caught:
        open_features(name)
    assert "\n" not in str(caught.value)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch jpegx_was_here",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not weights",
        pickle.dumps(_Evil(), protocol=2),
        b"PK\x03\x04",
        b"\x80\x02.",  # nothing on the stack
        b"\x80\x02h\0.",  # a memo that nothing was put in
        b"\x80\x02J\0.",  # a number cut off
        pickle.dumps([1], protocol=2),  # no table of tensors
    ],
)
def test_hostile_weights_are_refused(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    for name, module in (("efficientnet-lite0", efficientnet_lite), ("vgg16", vgg16)):
        monkeypatch.setattr(module, "find_package_file", lambda *_: path)
        with pytest.raises(MissingNetwork, match="weights") as caught:
            open_features(name)
        assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["weights"]


def test_tensors_of_other_shapes_are_refused() -> None:
    state = efficientnet_state()
    state["_blocks.3._project_conv.weight"] = torch.zeros(3)
    with pytest.raises(MissingNetwork, match=r"_blocks\.3\._project_conv\.weight"):
        EfficientNetLite0(state)
    wrong = vgg_state()
    wrong["block2/layers/conv2d/vars/1"] = torch.full((128,), torch.nan)
    with pytest.raises(MissingNetwork, match="finite"):
        Vgg16(wrong)


def _installed(name: str) -> FrozenNetwork:
    try:
        return open_features(name)
    except MissingNetwork as error:
        pytest.skip(str(error))
