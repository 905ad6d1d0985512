"""Convolutions fused with what follows them: the same values as in separate passes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.models import fused
from jpegx.models.fused import conv_add, conv_relu

TYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def maps(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Features (2, 16, 9, 11), weight (24, 16, 3, 3), bias (24)."""
    features = torch.randn(2, 16, 9, 11).to(dtype, memory_format=torch.channels_last)
    return features, torch.randn(24, 16, 3, 3).to(dtype) / 12, torch.randn(24).to(dtype)


def fuses(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """Skip where fusing cannot be had; else let a convolution of its own fail."""
    if not fused._fuses(dtype):
        pytest.skip("this machine or build of PyTorch has no fused convolutions")

    def fails(*_: object, **__: object) -> None:
        raise AssertionError("not fused")

    monkeypatch.setattr(F, "conv2d", fails)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_relu_fused_and_apart_agree(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, slope: float
) -> None:
    features, weight, bias = maps(dtype)
    apart = F.leaky_relu(F.conv2d(features, weight, bias, padding=1), slope)
    fuses(monkeypatch, dtype)
    with torch.no_grad():
        together = conv_relu(features, weight, bias, slope)
    assert together.is_contiguous(memory_format=torch.channels_last)
    assert (together <= 0).any()
    torch.testing.assert_close(together, apart, rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("dtype", TYPES)
def test_add_fused_and_apart_agree(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    features, weight, bias = maps(dtype)
    other = torch.randn(2, 24, 9, 11).to(dtype, memory_format=torch.channels_last)
    before = other.clone()
    apart = F.conv2d(features.float(), weight.float(), bias.float(), padding=1) + other.float()
    fuses(monkeypatch, dtype)
    with torch.no_grad():
        together = conv_add(features, weight, bias, other)
    assert torch.equal(other, before)
    # Rounded once, after the sum.
    torch.testing.assert_close(together.float(), apart, rtol=2**-8, atol=1e-5)


def test_gradients_pass_through() -> None:
    features, weight, bias = maps(torch.float32)
    weight.requires_grad_(True)
    conv_add(features, weight, bias, torch.ones(2, 24, 9, 11)).sum().backward()
    conv_relu(features, weight, bias).sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


@torch.no_grad()
def test_without_the_operations_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    features, weight, _ = maps(torch.float32)
    other = torch.randn(2, 24, 9, 11)  # in the default layout

    def both() -> tuple[Tensor, Tensor]:
        relu = conv_relu(features.contiguous(), weight, None, 0.2)
        return relu, conv_add(features, weight, None, other)

    together = both()
    monkeypatch.setattr(fused, "_fuses", lambda _: False)
    for one, other_one in zip(together, both(), strict=True):
        torch.testing.assert_close(one, other_one)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_types_and_autocast_work(dtype: torch.dtype) -> None:
    features, weight, bias = maps(torch.float32)
    expected = F.conv2d(features, weight, bias, padding=1).relu()
    others = conv_relu(features.to(dtype), weight.to(dtype), bias.to(dtype))
    torch.testing.assert_close(others.float(), expected, rtol=1e-2, atol=1e-2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = conv_relu(features, weight, bias)
    assert mixed.dtype == torch.bfloat16
    torch.testing.assert_close(mixed.float(), expected, rtol=5e-2, atol=5e-2)
