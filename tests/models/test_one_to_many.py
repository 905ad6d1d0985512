"""Guo and Chao 2017: sizes, shift-and-average, noise, luma alone, batch statistics, tiles."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpeg_batches import FACTORS, random_files
from jpegx.jpeg.box import Box
from jpegx.jpeg.color import luma, to_components
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models import checkpoint
from jpegx.models.families.one_to_many import OneToMany, Up
from jpegx.models.files import decoded_rgb
from jpegx.models.generator import Generator
from jpegx.models.noise import CounterNoise, HeldNoise, RandomNoise, ZeroNoise
from jpegx.models.registry import critics, generators
from jpegx.models.transfer import transfer

pytestmark = pytest.mark.usefixtures("one_thread")
TINY: dict[str, object] = {"features": 8, "branch": 1, "trunk": 1}
OURS: dict[str, object] = {"tables": True, "skip": True, "embedding": 8}
KINDS = pytest.mark.parametrize("changes", [{}, {"channels": 1}, OURS], ids=str)


def tiny(**changes: object) -> OneToMany:
    """A small network whose every weight matters, with statistics of its own."""
    torch.manual_seed(0)
    generator = generators.create("one-to-many", {**TINY, **changes})
    assert isinstance(generator, OneToMany)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for buffer in generator.buffers():
            if buffer.is_floating_point():
                buffer += 0.1
    return generator.eval()


def files(sampling: str = "4:2:0", size: tuple[int, int] = (40, 56), count: int = 1) -> JpegBatch:
    return random_files(sampling, count, size, (4, 60))


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_of_the_published_networks() -> None:
    with torch.device("meta"):
        sizes = {
            name: parameters(generators.create("one-to-many", config))
            for name, config in {
                "luma": {"channels": 1},
                "colour": {},
                "baseline": {"channels": 1, "noise": False},
            }.items()
        }
        judges = [parameters(critics.create("dcgan2", {"channels": c})) for c in (1, 3)]
    assert sizes == {"luma": 1_595_713, "colour": 1_599_811, "baseline": 1_150_721}
    assert judges == [8_333_441, 8_335_489]


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 3)])
def test_shift_and_average_keeps_what_is_constant(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    features = torch.rand(2, 6, 1, 1).expand(-1, -1, *size)
    spreads = []
    for averaged in (True, False):
        up = Up(6, 3, averaged=averaged)
        nn.init.normal_(up.bias)
        image = up(features)
        assert image.shape == (2, 3, 2 * size[0], 2 * size[1])
        spreads.append(float(image.detach().flatten(2).std(dim=2).max()))
    assert spreads[0] < 1e-6 < 0.05 < spreads[1]


def test_shift_and_average_is_the_mean_of_four_shifted_pictures() -> None:
    """And one transposed convolution with a kernel of 5x5: that of 4x4 under a box of 2x2."""
    torch.manual_seed(0)
    up, features = Up(4, 3, averaged=True), torch.rand(2, 4, 5, 7)
    grown = F.conv_transpose2d(features, up.weight, up.bias, stride=2)
    shifted = [F.pad(grown, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]
    mean = torch.stack(shifted).mean(dim=0)
    inner, image = slice(2, -2), up(features)
    # Copies move right and down: pixel p of the network is p + 1 of the mean.
    wanted = mean[:, :, 1:-2, 1:-2]
    assert wanted.shape == image.shape
    torch.testing.assert_close(image[..., inner, inner], wanted[..., inner, inner])
    box = up.weight.new_full((1, 1, 2, 2), 0.25)
    kernel = F.conv2d(F.pad(up.weight.flatten(0, 1)[:, None], (1, 1, 1, 1)), box)
    whole = F.conv_transpose2d(features, kernel.view(4, 3, 5, 5), up.bias, stride=2)
    same = whole[:, :, 1:-2, 1:-2]
    torch.testing.assert_close(image[..., inner, inner], same[..., inner, inner])


def test_without_averaging_it_is_the_transposed_convolution() -> None:
    torch.manual_seed(0)
    up, features = Up(4, 3, averaged=False), torch.rand(1, 4, 5, 7)
    whole = F.conv_transpose2d(features, up.weight, up.bias, stride=2, padding=1)
    torch.testing.assert_close(up(features)[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1])


@KINDS
@pytest.mark.parametrize("sampling", FACTORS)
@pytest.mark.parametrize("size", [(1, 1), (5, 19), (40, 56)])
@torch.no_grad()
def test_any_size_and_sampling(
    changes: dict[str, object], sampling: str, size: tuple[int, int]
) -> None:
    images = tiny(**changes)([files(sampling, size, 2)], CounterNoise(0), 3)
    assert images.shape == (6, 3, *size)
    assert images.dtype == torch.float32
    assert images.isfinite().all()


@KINDS
@torch.no_grad()
def test_a_part_with_its_halo_is_the_part_of_the_whole(changes: dict[str, object]) -> None:
    generator = tiny(**changes)
    halo, multiple = generator.needs.halo, generator.needs.multiple
    assert (halo, multiple) == (16, 2)
    batch, noise = files("4:2:0", (96, 128)), CounterNoise(5)
    whole = generator([batch], noise)
    seen, inner = Box(16, 32, 96, 112), Box(32, 48, 96, 96)
    part = generator([batch.crop(seen)], noise)
    torch.testing.assert_close(inner.inside(seen).of(part), inner.of(whole), atol=1e-5, rtol=1e-5)


def test_the_published_halo() -> None:
    with torch.device("meta"):
        assert generators.create("one-to-many").needs.halo == 72
        needs = generators.create("one-to-many", {"projection": True}).needs
    assert (needs.multiple, needs.consistent) == (32, True)


@KINDS
@torch.no_grad()
def test_samples_do_not_depend_on_their_batch(changes: dict[str, object]) -> None:
    generator, batch = tiny(**changes), [files(), files("4:4:4")]
    images = generator(batch, CounterNoise(3), 4).unflatten(0, (2, 4))
    assert not torch.allclose(images[:, 0], images[:, 1], atol=1e-4)
    torch.testing.assert_close(images, generator(batch, CounterNoise(3), 4).unflatten(0, (2, 4)))
    assert not torch.allclose(images, generator(batch, CounterNoise(4), 4).unflatten(0, (2, 4)))
    for file in range(2):
        for sample in range(4):
            alone = generator([batch[file]], CounterNoise(3, first=sample))
            torch.testing.assert_close(images[file, sample], alone[0], atol=1e-5, rtol=1e-5)


@KINDS
@torch.no_grad()
def test_without_noise_it_is_the_baseline(changes: dict[str, object]) -> None:
    generator, batch = tiny(**changes), [files(), files("gray")]
    baseline = tiny(**changes, noise=False)
    transfer(generator, baseline)
    assert not baseline.stochastic
    assert not any("noise" in name for name in baseline.state_dict())
    plain = baseline(batch, CounterNoise(1))
    assert torch.equal(generator(batch, ZeroNoise()), plain)
    assert torch.equal(generator(batch, CounterNoise(1, temperature=0.0)), plain)
    # So weights can be blended: what a baseline lacks counts as 0.
    assert generator.noise is not None
    for parameter in generator.noise.parameters():
        parameter.zero_()
    torch.testing.assert_close(generator(batch, CounterNoise(1)), plain)


@torch.no_grad()
def test_a_sampler_begins_near_its_regression() -> None:
    torch.manual_seed(0)
    baseline, sampler = (
        generators.create("one-to-many", {**TINY, **OURS, "noise": on}) for on in (False, True)
    )
    nn.init.normal_(baseline.get_parameter("up.weight"), std=0.05)
    transfer(baseline, sampler)
    decoded = decoded_rgb([files()])
    regression, sample = (network([files()], CounterNoise(0)) for network in (baseline, sampler))
    assert not torch.equal(sample, regression)
    assert (sample - regression).std() < 0.5 * (regression - decoded).std()


@KINDS
def test_every_weight_and_the_noise_get_a_gradient(changes: dict[str, object]) -> None:
    generator = tiny(**changes).train()
    noise = HeldNoise(RandomNoise(torch.Generator().manual_seed(0)), trainable=True)
    generator([files(), files("gray")], noise, 2).square().sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    (drawn,) = noise.held.values()
    assert drawn.shape == (4, 1, 20, 28)
    assert drawn.grad is not None
    assert (drawn.grad != 0).all()


@KINDS
def test_training_in_bfloat16(changes: dict[str, object]) -> None:
    generator = tiny(**changes).train()
    exact = generator([files()], CounterNoise(0), 2)
    with torch.autocast("cpu", torch.bfloat16):
        images = generator([files()], CounterNoise(0), 2)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images, exact, atol=0.1, rtol=0.1)
    images.sum().backward()


@torch.no_grad()
def test_luma_alone_leaves_chroma_as_it_is_decoded() -> None:
    batch = files("4:4:4")
    generator = tiny(channels=1)
    decoded, image = (
        to_components(rgb * 255, batch.layout)
        for rgb in (decoded_rgb([batch]), generator([batch], CounterNoise(0)))
    )
    torch.testing.assert_close(image[:, 1:], decoded[:, 1:], atol=1e-3, rtol=1e-3)
    assert (image[:, 0] - decoded[:, 0]).abs().mean() > 1
    gray = generator([files("gray")], CounterNoise(0))
    torch.testing.assert_close(gray[:, 0], gray[:, 2])
    # What the network gives is the luma itself.
    assert torch.allclose(luma(gray), gray[:, :1])


def _whole_counts(generator: Generator, batch: JpegBatch) -> Tensor:
    for name, buffer in generator.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.fill_(70_000)
        if name.endswith("running_var"):
            buffer.mul_(100_000)
    with torch.no_grad():
        image: Tensor = generator([batch], CounterNoise(0))
    return image


def test_batch_statistics_in_weights(tmp_path: Path) -> None:
    """After more steps, and at a larger variance, than float16 holds."""
    generator = tiny(channels=1)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.copy_(parameter.half())
    wanted = _whole_counts(generator, files())
    path = tmp_path / "weights.safetensors"
    checkpoint.save(path, generator, {})
    with torch.no_grad():
        assert torch.equal(checkpoint.load(path)[0]([files()], CounterNoise(0)), wanted)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"channels": 2}, "channels must be 1 or 3"),
        ({"features": 0}, "features and embedding"),
        ({"trunk": 65}, "branch and trunk must be 0 to 64"),
    ],
)
def test_bad_configurations_are_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        generators.create("one-to-many", config)
