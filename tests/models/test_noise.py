"""The noise: Gaussian, independent, and a function of absolute position alone."""

import pytest
import torch
from torch import Tensor

from jpegx.models.noise import CounterNoise, HeldNoise, NoiseField, RandomNoise, ZeroNoise, numbered

LIKE = torch.empty(8, 3, 128, 128)
pytestmark = pytest.mark.usefixtures("one_thread")
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU here")


def field(number: int, scale: int) -> NoiseField:
    return NoiseField(1, scale, number=number)


def counted(seed: int, number: int, like: Tensor = LIKE) -> Tensor:
    return CounterNoise(seed).draw(field(number, 2), like, samples=len(like))


def _correlation(one: Tensor, other: Tensor) -> float:
    return float((one * other).mean())


def test_moments() -> None:
    noise = counted(7, 3).double()
    assert noise.shape == (8, 1, 128, 128)
    count = noise.numel()
    for power, expected, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = float(noise.pow(power).mean()) - expected
        assert abs(error) < 5 * (variance / count) ** 0.5
    inside = float((noise.abs() < 0.6745).double().mean())
    assert abs(inside - 0.5) < 5 * 0.5 / count**0.5
    assert 3.9 < float(noise.abs().max()) < 6.8


def test_neighbours_layers_samples_and_seeds_are_independent() -> None:
    noise = counted(7, 3)
    limit = 5 / (noise.numel() - 8 * 128) ** 0.5
    assert abs(_correlation(noise[..., 1:], noise[..., :-1])) < limit
    assert abs(_correlation(noise[..., 1:, :], noise[..., :-1, :])) < limit
    assert abs(_correlation(noise[..., 1:, 1:], noise[..., :-1, :-1])) < limit
    squares = noise.square() - 1
    assert abs(_correlation(squares[..., 1:], squares[..., :-1])) < 2 * limit
    for other in (
        counted(7, 4),
        counted(8, 3),
    ):
        assert abs(_correlation(noise, other)) < limit
    assert abs(_correlation(noise[1:], noise[:-1])) < limit * 8 / 7**0.5


def test_a_sample_does_not_depend_on_its_batch() -> None:
    together = counted(7, 0, LIKE[..., :9, :9])
    for sample in range(8):
        alone = CounterNoise(7, first=sample).draw(
            field(0, 2), LIKE[:1, :, :9, :9], samples=len(LIKE[:1, :, :9, :9])
        )
        assert torch.equal(alone[0], together[sample])


def test_files_of_a_batch_get_the_same_noise() -> None:
    noise = CounterNoise(7).draw(field(0, 2), LIKE[:6, :, :9, :9], samples=2)
    alone = CounterNoise(7).draw(field(0, 2), LIKE[:2, :, :9, :9], samples=2)
    assert torch.equal(noise, alone.repeat(3, 1, 1, 1))


def test_a_tile_is_a_part_of_the_whole() -> None:
    whole = CounterNoise(7).draw(field(0, 8), LIKE[:2], samples=2)
    tile = CounterNoise(7).draw(field(0, 8), LIKE[:2, :, :16, :24], (5, 9), samples=2)
    assert torch.equal(tile, whole[..., 5:21, 9:33])


def test_the_values_stay_as_they_are() -> None:
    noise = CounterNoise(2**64 - 1, first=5)
    drawn = noise.draw(field(2, 2), LIKE[:1, :, :1, :3], (4, 8))
    # From the definition, in Python's own integers and doubles.
    expected = torch.tensor([[0.852071, 0.853602, 0.075864]])
    torch.testing.assert_close(drawn[0, 0], expected, atol=1e-5, rtol=0)


def test_fields_are_numbered_by_their_channels() -> None:
    fields = numbered([NoiseField(3, 8), NoiseField(1, 2), NoiseField(1, 2)])
    assert [one.number for one in fields] == [0, 3, 4]
    like = LIKE[:2, :, :9, :9]
    three = CounterNoise(1).draw(fields[0], like, samples=2)
    assert three.shape == (2, 3, 9, 9)
    assert torch.equal(three[:, 2:], CounterNoise(1).draw(field(2, 8), like, samples=2))


def test_uniform_noise_has_its_law() -> None:
    drawn = CounterNoise(1).draw(NoiseField(1, 8, "uniform"), LIKE, samples=8)
    tenths = drawn.flatten().double().quantile(torch.linspace(0.1, 0.9, 9).double())
    torch.testing.assert_close(tenths, torch.linspace(-0.4, 0.4, 9).double(), atol=5e-3, rtol=0)
    assert float(drawn.abs().max()) <= 0.5


def test_negated_and_held_noise() -> None:
    one, other = field(0, 2), NoiseField(2, 4, "uniform", 1)
    like, noise = LIKE[:2, :, :4, :4], RandomNoise(torch.Generator().manual_seed(0))
    held = HeldNoise(noise, trainable=True)
    first = held.draw(other, like, (1, 2), 2)
    assert torch.equal(first, held.draw(other, like, (1, 2), 2))
    assert not torch.equal(first, held.draw(other, like, (1, 3), 2))
    torch.testing.assert_close((-held).draw(other, like, (1, 2), 2), -first)
    held.draw(one, like)
    first.square().sum().backward()
    leaf = held.held[1, 1, 2]
    assert leaf.is_leaf
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0
    assert set(held.held) == {(1, 1, 2), (1, 1, 3), (0, 0, 0)}


def test_type_and_other_sources() -> None:
    like = LIKE[:2, :, :4, :5].to(torch.bfloat16)
    for noise in (CounterNoise(0), RandomNoise(torch.Generator().manual_seed(0)), ZeroNoise()):
        drawn = noise.draw(field(0, 2), like, samples=2)
        assert drawn.shape == (2, 1, 4, 5)
        assert drawn.dtype == torch.bfloat16
    assert not ZeroNoise().draw(field(0, 2), like).any()


@CUDA
def test_cuda_gives_the_same_noise() -> None:
    cpu = counted(7, 3)
    torch.testing.assert_close(
        counted(7, 3, LIKE.cuda()).cpu(),
        cpu,
        atol=1e-5,
        rtol=1e-5,
    )
