"""Residual blocks in int8: near those in float32, exact in their sums, and the same in tiles."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from jpeg_batches import showing
from jpegx.jpeg.box import Box
from jpegx.models import int8
from jpegx.models.generator import Generator
from jpegx.models.int8 import Int8Blocks, in_int8, int8_works, quantize, quantized_weight, stages_of
from jpegx.models.int8_ranges import measure_ranges
from jpegx.models.noise import CounterNoise, Noise, ZeroNoise
from jpegx.models.registry import generators

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not int8_works(), reason="this machine or PyTorch has no int8 convolutions"),
]

ODD = {"widths": [7, 10], "encoder": [2, 0], "decoder": [1, 1], "embedding": 4}


def pictures() -> Tensor:
    """Two of 40x24 pixels, smooth with some noise, 0 to 1."""
    random = torch.Generator().manual_seed(0)
    small = torch.rand(2, 3, 5, 3, generator=random)
    smooth = F.interpolate(small, (40, 24), mode="bilinear")
    return (smooth + 0.05 * torch.randn(2, 3, 40, 24, generator=random)).clamp(0, 1)


@pytest.fixture(params=[False, True], ids=["regression", "sampler"])
def network(request: pytest.FixtureRequest) -> Generator:
    """Random weights, with the ranges of the pictures."""
    torch.manual_seed(0)
    generator = generators.create("unet", ODD | {"noise": request.param}).requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.startswith("head") or "affine" in name:
            nn.init.normal_(parameter, std=0.1)
    generator.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator.ranges = measure_ranges(generator, [([showing(pictures())], CounterNoise(0))])
    return generator


def noise_of(generator: Generator) -> Noise:
    return CounterNoise(3) if generator.stochastic else ZeroNoise()


@torch.no_grad()
def test_near_float32_for_one_file_and_for_several(network: Generator) -> None:
    quantized, noise = in_int8(network), noise_of(network)
    assert sum(isinstance(module, Int8Blocks) for module in quantized.modules()) == 3
    assert not any(isinstance(module, Int8Blocks) for module in network.modules())
    files = [showing(pictures())]
    plain = network(files, noise, 2)
    both = quantized(files, noise, 2)
    change = plain - pictures().repeat_interleave(2, dim=0)
    assert (both - plain).square().mean() < 1e-3 * change.square().mean()
    alone = quantized([files[0].select(slice(0, 1))], noise, 2)
    torch.testing.assert_close(alone, both[:2], atol=2e-3, rtol=0)
    assert torch.equal(quantized(files, noise, 2), both)


@torch.no_grad()
def test_a_part_has_the_bytes_of_the_whole(network: Generator) -> None:
    quantized, noise = in_int8(network), noise_of(network)
    reach = network.needs.halo
    size = 2 * reach + 24
    random = torch.Generator().manual_seed(1)
    whole = showing(torch.rand(1, 3, size, size, generator=random))
    part = Box(8, 8, size, size)
    inner = (slice(None), slice(None), slice(8 + reach, -reach - 8), slice(8 + reach, -reach - 8))
    left = quantized([whole], noise)
    right = F.pad(quantized([whole.crop(part)], noise), (8, 0, 8, 0))
    assert torch.equal(left[inner], right[inner])


@given(
    shape=st.tuples(*(st.integers(1, top) for top in (2, 9, 6, 7))),
    step=st.floats(1e-3, 10),
    zero=st.sampled_from([0, 128]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_quantize_rounds_and_holds(
    shape: tuple[int, ...], step: float, zero: int, seed: int
) -> None:
    features = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * step * 90
    whole = quantize(features, step, zero)
    assert whole.dtype == torch.uint8
    assert whole.shape == features.shape
    exact = (features.double() / step + zero).clamp(0, 255)
    assert (whole.double() - exact).abs().max() <= 0.5 + 1e-3


def test_quantize_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    features = torch.randn(1, 8, 9, 11).to(memory_format=torch.channels_last)
    whole = quantize(features, 0.01, 128)
    assert whole.is_contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(int8, "_CHUNK", 50)
    assert torch.equal(quantize(features, 0.01, 128), whole)


@given(inputs=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_two_products_never_need_more_than_16_bits(inputs: int, seed: int) -> None:
    weight = torch.randn(5, inputs, 3, 3, generator=torch.Generator().manual_seed(seed))
    weight[0] = 0
    whole, steps = quantized_weight(weight)
    values = whole.int()
    pairs = F.pad(values, (0, 0, 0, 0, 0, inputs % 2)).unflatten(1, (-1, 2))
    assert (255 * pairs.clamp(min=0).sum(dim=2)).max() <= 32767
    assert (255 * pairs.clamp(max=0).sum(dim=2)).min() >= -32768
    error = (values * steps[:, None, None, None] - weight).abs()
    assert (error <= steps[:, None, None, None] * 0.501).all()


@torch.no_grad()
def test_the_largest_features_do_not_overflow() -> None:
    conv = nn.Conv2d(16, 16, 3, padding=1)
    conv.weight.fill_(1.0)
    quantized = int8._Int8Convolution(conv, 1.0, 0)
    assert conv.bias is not None
    largest = quantized(quantized.quantized(torch.full((1, 16, 5, 5), 1e9)))
    torch.testing.assert_close(largest[0, :, 2, 2], 16 * 9 * 255 + conv.bias, rtol=0.01, atol=0)


def test_numbers_that_are_none_stay(network: Generator) -> None:
    quantized = in_int8(network)
    next(quantized.parameters()).data.fill_(torch.nan)
    stage = quantized.get_submodule("encoder.0")
    assert stage(torch.full((1, 7, 4, 4), torch.nan), torch.zeros(1, 4)).isnan().all()


def test_ranges_are_where_8_bits_err_least() -> None:
    torch.manual_seed(0)
    generator = generators.create("unet", ODD | {"noise": False}).requires_grad_(False)
    blank = [([showing(torch.full((1, 3, 16, 16), 0.5))], ZeroNoise())]
    ranges = measure_ranges(generator, [([showing(pictures())], ZeroNoise())])
    assert {name: len(pairs) for name, pairs in ranges.items()} == {
        name: len(stage.blocks) for name, stage in stages_of(generator).items()
    }
    assert all(0 < value < 100 for pairs in ranges.values() for pair in pairs for value in pair)
    for name, pairs in measure_ranges(generator, blank).items():
        assert np.isfinite(pairs).all(), name
    with pytest.raises(ValueError, match="not measured"):
        in_int8(generator)


def test_without_the_operations_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise AttributeError

    monkeypatch.setattr(int8, "_Int8Convolution", missing)
    assert not int8_works.__wrapped__()
