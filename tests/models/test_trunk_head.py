"""Trunk and head: the trunk's picture, samples around it, the dial between, tiles, training."""

import pytest
import torch

from jpeg_batches import FACTORS, random_files
from jpegx.jpeg.box import Box
from jpegx.jpeg.color import change_in_components, change_in_pixels, luma
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.models.families.trunk_head import TrunkHead
from jpegx.models.noise import CounterNoise, RandomNoise, ZeroNoise
from jpegx.models.registry import generators
from jpegx.models.specks import without_specks
from jpegx.models.transfer import transfer

pytestmark = pytest.mark.usefixtures("one_thread")
TINY: dict[str, object] = {
    "widths": [8, 8, 8],
    "encoder": [1, 1, 1],
    "decoder": [1, 1, 1],
    "head": [1, 1, 1],
    "embedding": 8,
}


def tiny(**changes: object) -> TrunkHead:
    """A small network whose every weight matters."""
    torch.manual_seed(0)
    generator = generators.create("trunk-head", {**TINY, **changes})
    for parameter in generator.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    assert isinstance(generator, TrunkHead)
    return generator.eval()


def files(sampling: str, size: tuple[int, int] = (40, 56), count: int = 1) -> JpegBatch:
    return random_files(sampling, count, size, (4, 60))


def test_parameters_of_the_default() -> None:
    with torch.device("meta"):
        generator = generators.create("trunk-head")
    assert isinstance(generator, TrunkHead)
    assert sum(p.numel() for p in generator.trunk_parameters()) == 3_823_180
    assert sum(p.numel() for p in generator.head_parameters()) == 1_878_942


@pytest.mark.parametrize("sampling", FACTORS)
@pytest.mark.parametrize("size", [(1, 1), (5, 19), (40, 56)])
@torch.no_grad()
def test_any_size_and_sampling(sampling: str, size: tuple[int, int]) -> None:
    images = tiny()([files(sampling, size, 2)], CounterNoise(0), 3)
    assert images.shape == (6, 3, *size)
    assert images.isfinite().all()


@torch.no_grad()
def test_without_noise_it_is_the_trunk() -> None:
    generator, batch = tiny(), [files("4:2:0")]
    silent = generators.create(
        "trunk-head", generator.config_class.silent(generator.config.to_dict())
    ).eval()
    transfer(generator, silent)
    trunk = generator.trunk(batch, ZeroNoise())
    assert not silent.stochastic
    for drawn in (
        generator(batch, ZeroNoise()),
        generator(batch, CounterNoise(3, temperature=0.0)),
        silent(batch, ZeroNoise()),
    ):
        assert torch.equal(drawn, trunk)


@torch.no_grad()
def test_the_temperature_is_a_dial_from_the_trunk_to_a_sample() -> None:
    """Before the projection, luma lies on the line between the two, colours nearer to the trunk."""
    generator, batch = tiny(), [files("4:4:4")]
    encoded = generator.encode(batch)
    trunk = encoded.features[0]
    changes = {
        t: generator._images(encoded, CounterNoise(3, temperature=t), 1) - trunk
        for t in (0.5, 1.0, 2.0)
    }
    whole = luma(changes[1.0])
    assert whole.abs().mean() > 1e-3
    colours = changes[1.0] - whole
    assert colours.abs().mean() > 1e-3
    for t, strength in ((0.5, 0.5**6.6), (2.0, 2.0)):
        torch.testing.assert_close(changes[t], t * whole + strength * colours)


@torch.no_grad()
def test_samples_differ_and_do_not_depend_on_how_many_there_are() -> None:
    generator, batch = tiny(), [files("4:2:0")]
    three = generator(batch, CounterNoise(3), 3)
    assert (three[0] - three[1]).abs().mean() > 1e-3
    alone = generator(batch, CounterNoise(3, first=2), 1)
    torch.testing.assert_close(alone[0], three[2], rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_part_is_the_same_as_in_the_whole() -> None:
    generator, size = tiny(), 320
    batch = files("4:2:0", (size, size))
    whole = generator([batch], CounterNoise(3), 1)
    halo, step = generator.needs.halo, generator.needs.multiple
    top = -(-halo // step) * step
    part = batch.crop(Box(step, 64, size, size))
    seen = generator([part], CounterNoise(3), 1)
    inner = seen[..., top:, top:]
    torch.testing.assert_close(inner, whole[..., step + top :, 64 + top :], rtol=0, atol=1e-5)


def test_the_trunk_is_held_while_the_head_is_trained() -> None:
    generator = tiny().train()
    own = {id(p) for p in generator.head_parameters()}
    others = {id(p) for p in generator.trunk_parameters()}
    assert own.isdisjoint(others)
    assert len(own | others) == len(list(generator.parameters()))
    for parameter in generator.trunk_parameters():
        parameter.requires_grad_(False)
    generator([files("4:2:0", count=2)], RandomNoise(), 2).square().mean().backward()
    assert all(p.grad is None for p in generator.trunk_parameters())
    for parameter in generator.head_parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_a_coefficient_stays_in_its_cell() -> None:
    from jpegx.jpeg.transform import encode_dct

    generator, batch = tiny(), files("4:4:4", (64, 64))
    with torch.no_grad():
        images = generator([batch], CounterNoise(0), 4) * 255
    for values, walls in zip(encode_dct(images, batch.layout), batch.cell(), strict=True):
        outside = (values - walls.centre).abs() > walls.half
        assert outside.float().mean() < 0.01  # what is left is clipping


@pytest.mark.parametrize("bad", [{"head": [1, 1]}, {"head": [1, 1, 65]}, {"widths": [8, 8]}])
def test_impossible_configurations(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"head|widths"):
        generators.create("trunk-head", {**TINY, **bad})


@pytest.mark.parametrize("colour", [(60.0, 60.0, 60.0), (60.0, 0.0, 0.0)])
def test_a_speck_is_held_to_the_grain_around_it(colour: tuple[float, float, float]) -> None:
    torch.manual_seed(0)
    grain = 4 * torch.randn(1, 1, 64, 64).expand(1, 3, -1, -1) / 255
    speck = torch.zeros_like(grain)
    speck[0, :, 32, 32] = torch.tensor(colour) / 255
    without, with_it = of_pixels(grain), of_pixels(grain + speck)
    left = 255 * (with_it - without)
    assert left.abs().max() < 0.4 * max(colour)
    far = torch.ones(64, 64, dtype=torch.bool)
    far[16:48, 16:48] = False
    assert left[..., far].abs().max() == 0
    # What is even stays: grain keeps its amplitude, a slope is not changed at all.
    assert without.std() == pytest.approx(float(grain.std()), rel=0.1)
    slope = torch.linspace(0, 0.2, 64).expand(1, 3, 64, 64)
    torch.testing.assert_close(of_pixels(slope)[..., 8:-8], slope[..., 8:-8], rtol=0, atol=1e-3)


def of_pixels(change: torch.Tensor) -> torch.Tensor:
    """A change of RGB without specks."""
    layout = Layout(1, 1, "ycbcr", ((1, 1),) * 3)
    return change_in_pixels(without_specks(change_in_components(change, layout)), layout)


@pytest.mark.parametrize("samples", [1, 3])
@torch.no_grad()
def test_what_the_file_holds_of_its_samples_stays(samples: int) -> None:
    """Rendering changes nothing that the next sample stands on."""
    generator, batch = tiny(), [files("4:2:0", count=2)]
    encoded = generator.encode(batch)
    first = generator.render(encoded, CounterNoise(3), samples)
    again = generator.render(encoded, CounterNoise(3), samples)
    torch.testing.assert_close(again, first, rtol=0, atol=0)
