"""The generator of Bahat and Michaeli 2021: consistent whatever its control signal."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from conftest import MakeJpeg, Run
from jpeg_batches import batch_of, random_files
from jpegx.jpeg.box import Box
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import encode_dct
from jpegx.models import checkpoint
from jpegx.models.families.explorable import Explorable
from jpegx.models.generator import Generator
from jpegx.models.noise import CounterNoise, HeldNoise, ZeroNoise
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer
from layouts import layouts

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL: dict[str, object] = {"luma": 8, "luma_layers": 2, "chroma": 8, "chroma_layers": 2}
HALF = ((2, 2), (1, 1), (1, 1))


def tiny(gain: float = 30, **changes: object) -> Generator:
    """A small generator whose places are far from the middle of the cells."""
    torch.manual_seed(0)
    generator = generators.create("explorable", {**SMALL, "projection": False, **changes})
    for name, parameter in generator.named_parameters():
        if parameter.dim() == 4:
            parameter.data.mul_(gain)
        elif "affine" in name:
            nn.init.normal_(parameter.data, std=0.05)
    return generator.eval()


def parameters(config: dict[str, object], part: str) -> int:
    with torch.device("meta"):
        network = generators.create("explorable", config)
    return sum(p.numel() for name, p in network.named_parameters() if name.startswith(part))


def test_parameters() -> None:
    assert parameters({}, "luma") == 10_512_704
    assert parameters({}, "chroma") == 3_735_808
    assert parameters({}, "") == 14_248_512
    assert parameters({"noise": False}, "luma") == 8_669_504
    assert parameters({"noise": False}, "chroma") == 2_814_208
    compact: dict[str, object] = {"luma": 160, "luma_layers": 8, "chroma": 80, "chroma_layers": 8}
    assert parameters(compact, "") == 3_678_912


def random_batch(layout: Layout, count: int = 2) -> JpegBatch:
    random = torch.Generator().manual_seed(1)
    shapes = [(count, *layout.blocks(c), 8, 8) for c in range(len(layout.factors))]
    grids = [torch.randint(-3, 4, shape, generator=random) for shape in shapes]
    tables = [torch.randint(1, 60, (count, 8, 8), generator=random) for _ in shapes]
    return batch_of(grids, tables, layout)


def excess(images: Tensor, batch: JpegBatch) -> list[Tensor]:
    """How far coefficients of whole blocks are outside their cells, of each component."""
    layout = batch.layout
    pixels = images * 255 if layout.channels == 3 else images[:, :1] * 255
    found = []
    for component, (grid, walls) in enumerate(
        zip(encode_dct(pixels, layout), batch.cell(), strict=True)
    ):
        across, down = layout.reduction(component)
        rows, columns = layout.height // (8 * down), layout.width // (8 * across)
        samples = grid.unflatten(0, (len(batch), -1)) - walls.centre[:, None]
        outside = samples.abs() - walls.half[:, None]
        found.append(outside.flatten(0, 1)[:, :rows, :columns])
    return found


@given(layout=layouts(60), tables=st.booleans(), noise=st.booleans())
@settings(max_examples=25)
def test_consistent_at_any_size_and_sampling(layout: Layout, tables: bool, noise: bool) -> None:
    generator, batch = tiny(tables=tables, noise=noise), random_batch(layout)
    if generator.supports(layout) is not None:
        assert layout.is_fractional
        return
    with torch.no_grad():
        images = generator([batch], CounterNoise(1), 3)
    assert images.shape == (6, 3, layout.height, layout.width)
    for outside in excess(images, batch):
        assert outside.numel() == 0 or outside.max() < 1e-3
    if noise:
        assert not torch.equal(images[0], images[1])
    else:
        assert torch.equal(images[0], images[1])


@torch.no_grad()
def test_without_compensation_chroma_leaves_its_cells() -> None:
    batch = random_files("4:2:0", 1, (48, 48), (20, 60))
    luma, *chroma = excess(tiny(compensate=False)([batch], CounterNoise(1), 2), batch)
    assert luma.max() < 1e-3
    assert all(outside.max() > 1 for outside in chroma)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_places_are_inside_whatever_the_weights(dtype: torch.dtype) -> None:
    generator = tiny(1e5)
    generator.to(dtype)
    batch = random_files("4:2:0", 1, (32, 32), (1, 256))
    images = generator([batch], CounterNoise(2), 2)
    drawn = generator._coefficients(generator.encode([batch]), CounterNoise(2), 2)[0]  # type: ignore[operator]
    assert images.isfinite().all()
    for grid, walls in zip(drawn, batch.cell(), strict=True):
        places = (grid - walls.centre) / (2 * walls.half)
        assert places.abs().max() < 0.5
        assert places.abs().max() > 0.49


@torch.no_grad()
def test_reach_of_the_control_signal_of_a_block() -> None:
    generator = tiny()
    batch = random_files("gray", 1, (120, 120), (20, 60))
    held = HeldNoise(CounterNoise(1))
    before = generator([batch], held)
    (drawn,) = held.held.values()
    drawn[:, :, 7, 7] = 2
    changed = (generator([batch], held) - before).abs().amax(dim=(0, 1)) > 1e-6
    blocks = changed.unflatten(1, (15, 8)).unflatten(0, (15, 8)).any(dim=3).any(dim=1)
    wanted = torch.zeros(15, 15, dtype=torch.bool)
    wanted[4:11, 4:11] = True  # 2 layers see it, and one more follows
    assert torch.equal(blocks, wanted)


@torch.no_grad()
def test_chroma_sees_the_mean_of_the_control_signal() -> None:
    generator = tiny()
    assert isinstance(generator, Explorable)
    batch = random_files("4:2:0", 1, (32, 32), (20, 60))
    seen: list[Tensor] = []
    generator.chroma.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    held = HeldNoise(CounterNoise(1))
    generator([batch], held)
    (drawn,) = held.held.values()
    control = torch.erf(drawn * 0.5**0.5)
    assert control.abs().max() <= 1
    torch.testing.assert_close(seen[0][0, :, 0, 1], control[0, :, :2, 2:4].mean(dim=(1, 2)))


@pytest.mark.parametrize("factors", [((1, 1),) * 3, HALF, ((4, 1), (1, 1), (1, 1))])
@torch.no_grad()
def test_a_part_is_the_same_as_in_the_whole(factors: tuple[tuple[int, int], ...]) -> None:
    generator = tiny(tables=True)
    layout = Layout(5 * 96 + 5, 21, "ycbcr", factors)
    batch = random_batch(layout, 1)
    context = generator.context(layout)
    assert context <= generator.needs.halo
    whole = generator([batch], CounterNoise(5), 2)
    left = 224
    seen = batch.crop(Box(0, left - context, 21, layout.width))
    part = generator([seen], CounterNoise(5), 2)[..., context:]
    torch.testing.assert_close(part, whole[..., left:], atol=1e-5, rtol=0)


@torch.no_grad()
def test_layers_are_folded_to_the_same_numbers() -> None:
    generator = tiny(3, tables=True, residual=True)
    batch = random_files("4:2:0", 2, (40, 24), (1, 60))
    for _ in range(3):  # statistics that are not those of a new network
        generator.train()([batch], CounterNoise(0))
    generator.eval()
    both = generator([batch], CounterNoise(7))
    for index in range(2):
        alone = generator([batch.select(slice(index, index + 1))], CounterNoise(7))
        torch.testing.assert_close(alone[0], both[index], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_a_sampler_begins_with_its_regression() -> None:
    """What convolves the control signal is new, a tenth of He's; at 0 it is the regression."""
    regression, sampler = tiny(noise=False), tiny(gain=1)
    fresh = {name: values.clone() for name, values in sampler.state_dict().items()}
    transfer(regression, sampler)
    batch = random_files("4:2:0", 1, (32, 48), (20, 60))
    wanted = regression([batch], CounterNoise(0))
    torch.testing.assert_close(sampler([batch], ZeroNoise()), wanted, atol=1e-5, rtol=0)
    assert not torch.allclose(sampler([batch], CounterNoise(0)), wanted, atol=1e-3)
    for name, weight in sampler.named_parameters():
        if ".convs." in name:
            new = weight[:, -64:]
            assert torch.equal(new, fresh[name][:, -64:])
            fan = 9 * weight.shape[1]
            assert float(new.std()) == pytest.approx(0.1 * (2 / (1.04 * fan)) ** 0.5, rel=0.1)
            new.zero_()
    torch.testing.assert_close(sampler([batch], CounterNoise(0)), wanted, atol=1e-5, rtol=0)


def test_luma_is_not_trained_by_what_chroma_makes_of_it() -> None:
    generator = tiny(noise=False)
    batch = random_files("4:2:0", 1, (32, 32), (20, 60))
    for training in (True, False):
        generator.zero_grad()
        generator.train(training)
        drawn = generator._coefficients(generator.encode([batch]), ZeroNoise(), 1)[0]  # type: ignore[operator]
        drawn[1].square().sum().backward()
        gradients = [p.grad for n, p in generator.named_parameters() if n.startswith("luma.")]
        assert all(g is None for g in gradients) == training


@torch.no_grad()
def test_with_projection_little_is_left_for_the_gamut() -> None:
    bright = random_files("4:2:0", 1, (48, 48), (6, 16))
    bright.coefficients[0][..., 0, 0] = torch.where(torch.arange(36).view(6, 6) % 2 > 0, 25, -25)
    bright.tables[0][..., 0, 0] = 40
    errors = []
    for projection in (False, True):
        generator = tiny(projection=projection)
        images = generator([bright], CounterNoise(0)).clamp(0, 1)
        errors.append(excess(images, bright)[0].clamp(min=0).square().mean())
    assert errors[1] < 0.75 * errors[0]


def test_odd_samplings_go_through_the_network_for_luma() -> None:
    layout = Layout(32, 32, "ycbcr", ((1, 1), (2, 2), (2, 2)))
    generator = tiny()
    assert generator.context(layout) == 32
    wide = replace(layout, factors=HALF)
    assert generator.context(wide) == 96


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_samples_of_a_file_are_exact(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, sampling: str
) -> None:
    weights = tmp_path / "own.safetensors"
    checkpoint.save(weights, tiny(5, tables=True, residual=True), {})
    jpeg = make_jpeg("a.jpg", subsampling=sampling, quality=20)
    decoded = ("decode", jpeg, "--model", weights, "-n", 2, "--project")
    assert run(*decoded, "-o", tmp_path / "out").exit_code == 0
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert len(pictures) == 2
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    assert run("verify", jpeg, *pictures).exit_code == 0
