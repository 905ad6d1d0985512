"""The noise: Gaussian, independent, and a function of absolute position alone."""

import pytest
import torch
from torch import Tensor

from jpegx.models.noise import CounterNoise, RandomNoise, ZeroNoise

LIKE = torch.empty(8, 3, 128, 128)
pytestmark = pytest.mark.usefixtures("one_thread")
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU here")


def _correlation(one: Tensor, other: Tensor) -> float:
    return float((one * other).mean())


def test_moments() -> None:
    noise = CounterNoise(7)(3, LIKE, 2).double()
    assert noise.shape == (8, 1, 128, 128)
    count = noise.numel()
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = float(noise.pow(power).mean()) - expected
        assert abs(error) < 5 * (variance / count) ** 0.5
    inside = float((noise.abs() < 0.6745).double().mean())
    assert abs(inside - 0.5) < 5 * 0.5 / count**0.5
    assert 3.9 < float(noise.abs().max()) < 6.8


def test_neighbours_layers_samples_and_seeds_are_independent() -> None:
    noise = CounterNoise(7)(3, LIKE, 2)
    limit = 5 / (noise.numel() - 8 * 128) ** 0.5
    assert abs(_correlation(noise[..., 1:], noise[..., :-1])) < limit
    assert abs(_correlation(noise[..., 1:, :], noise[..., :-1, :])) < limit
    assert abs(_correlation(noise[..., 1:, 1:], noise[..., :-1, :-1])) < limit
    squares = noise.square() - 1
    assert abs(_correlation(squares[..., 1:], squares[..., :-1])) < 2 * limit
    for other in (CounterNoise(7)(4, LIKE, 2), CounterNoise(8)(3, LIKE, 2)):
        assert abs(_correlation(noise, other)) < limit
    assert abs(_correlation(noise[1:], noise[:-1])) < limit * 8 / 7**0.5


def test_a_sample_does_not_depend_on_its_batch() -> None:
    together = CounterNoise(7)(0, LIKE[..., :9, :9], 2)
    for sample in range(8):
        alone = CounterNoise(7, first=sample)(0, LIKE[:1, :, :9, :9], 2)
        assert torch.equal(alone[0], together[sample])


def test_files_of_a_batch_get_the_same_noise() -> None:
    noise = CounterNoise(7, samples=2)(0, LIKE[:6, :, :9, :9], 2)
    assert torch.equal(noise, CounterNoise(7)(0, LIKE[:2, :, :9, :9], 2).repeat(3, 1, 1, 1))


@pytest.mark.parametrize("scale", [1, 2, 8])
def test_a_tile_is_a_part_of_the_whole(scale: int) -> None:
    whole = CounterNoise(7)(0, LIKE[:2], scale)
    tile = CounterNoise(7, top=40, left=72)(0, LIKE[:2, :, :16, :24], scale)
    top, left = 40 // scale, 72 // scale
    assert torch.equal(tile, whole[..., top : top + 16, left : left + 24])


def test_the_values_stay_as_they_are() -> None:
    noise = CounterNoise(2**64 - 1, first=5, top=8, left=16)(2, LIKE[:1, :, :1, :3], 2)
    # From the definition, in Python's own integers and doubles.
    expected = torch.tensor([[0.852071, 0.853602, 0.075864]])
    torch.testing.assert_close(noise[0, 0], expected, atol=1e-5, rtol=0)


def test_type_and_other_sources() -> None:
    like = LIKE[:2, :, :4, :5].to(torch.bfloat16)
    for noise in (CounterNoise(0), RandomNoise(torch.Generator().manual_seed(0)), ZeroNoise()):
        drawn = noise(0, like, 2)
        assert drawn.shape == (2, 1, 4, 5)
        assert drawn.dtype == torch.bfloat16
    assert not ZeroNoise()(0, like, 2).any()


@CUDA
def test_cuda_gives_the_same_noise() -> None:
    cpu = CounterNoise(7)(3, LIKE, 2)
    torch.testing.assert_close(CounterNoise(7)(3, LIKE.cuda(), 2).cpu(), cpu, atol=1e-5, rtol=1e-5)
