"""Quantization guided correction: sizes, tables that make weights, colour beside luma."""

from dataclasses import replace
from math import cos, pi
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from conftest import MakeJpeg
from jpegx.jpeg.color import to_pixels
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.tables import scaled_tables
from jpegx.jpeg.transform import encode_dct, repeated
from jpegx.models.blend import blend
from jpegx.models.checkpoint import load, open_model, save
from jpegx.models.families.qgac.frequency_layers import FrequencyConv, from_planes, to_planes
from jpegx.models.generator import Generator
from jpegx.models.noise import ZeroNoise
from jpegx.models.registry import critics, generators
from jpegx.sampling.generate import generate, tiles_of
from jpegx.sampling.hardware import prepare

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {
    "features": 16,
    "growth": 8,
    "between": 2,
    "manifold": 8,
    "per_frequency": 2,
    "chroma": 4,
}


def small(**config: object) -> Generator:
    """A small network whose changes are neither 0 nor large."""
    torch.manual_seed(0)
    network = generators.create("qgac", {**SMALL, **config})
    statistics = cast("Any", network.get_submodule("statistics"))
    statistics.std.copy_(torch.rand(3, 64) + 2)
    statistics.mean.copy_(torch.rand(3, 64) - 0.5)
    return network.eval()


def part(network: Generator, name: str) -> Any:  # noqa: ANN401 (a module of whatever kind)
    return network.get_submodule(name)


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def files_of(space: ColorSpace, factors: tuple[tuple[int, int], ...], w: int, h: int) -> JpegBatch:
    random = torch.Generator().manual_seed(3)
    layout = Layout(w, h, space, factors)
    grids = [(2, *layout.blocks(c), 8, 8) for c in range(len(factors))]
    return JpegBatch(
        layout,
        tuple(torch.randint(-2, 3, grid, generator=random) for grid in grids),
        tuple(torch.randint(1, 40, (2, 8, 8), generator=random) for _ in grids),
    )


def zero_last(network: Generator) -> None:
    """What makes both residuals."""
    for name in ("luma.fusion.2.weight", "luma.fusion.2.bias"):
        nn.init.zeros_(network.get_parameter(name))
    last = part(network, "colour.unblock")
    for values in (last.kernel, last.shift, *last.bias.parameters()):
        nn.init.zeros_(values)


def test_published_sizes() -> None:
    with torch.device("meta"):
        published = generators.create("qgac")
        narrow = generators.create("qgac", {"between": 1})
    # Less one than in the port, whose residual of chroma goes through a PReLU.
    assert size(published) == 259_408_742 - 1
    assert size(narrow) == 60_441_512 - 1
    sizes = {
        "luma.first": 94_757_461,
        "luma.frequencies": 717_841,
        "luma.second": 160_833_877,
        "luma.fusion": 454_466,
        "luma": 256_763_645,
        "colour": 2_645_097 - 1,
        "luma.first.trunk": 26_545_935,
        "colour.fine": 1_659_855,
        "colour.coarse": 415_215,
    }
    assert {name: size(part(published, name)) for name in sizes} == sizes
    config = {"features": 96, "growth": 48, "between": 4, "manifold": 16, "per_frequency": 2}
    assert size(generators.create("qgac", {**config, "chroma": 16})) == 5_250_622 - 1
    assert size(critics.create("dcgan")) == 2_765_568


@pytest.mark.parametrize("transposed", [False, True])
def test_the_table_of_a_file_reaches_the_weights_of_its_blocks(transposed: bool) -> None:
    """As convolutions of stride 8, each file with the weight that its own table makes."""
    manifold = part(small(between=3), "luma.first.unblock" if transposed else "luma.second.blocks")
    inputs, outputs = (16, 3) if transposed else (3, 16)
    features = torch.randn(2, inputs * (1 if transposed else 64), 2, 3)
    tables = torch.rand(2, 64)
    with torch.no_grad():
        found = manifold(features, tables)
        weights, biases = manifold.filters(tables)
        for file in range(2):
            bias = biases[file, 0]
            if transposed:
                weight = weights[file].view(inputs, 8, 8, outputs).permute(0, 3, 1, 2)
                made = F.conv_transpose2d(features[file], weight, bias[:outputs], stride=8)
                wanted = F.pixel_unshuffle(made, 8)  # channel by channel; ours by frequency
                wanted = wanted.unflatten(0, (outputs, 64)).transpose(0, 1).flatten(0, 1)
            else:
                weight = weights[file].view(8, 8, inputs, outputs).permute(3, 2, 0, 1)
                flat = features[file].unflatten(0, (64, inputs)).transpose(0, 1).flatten(0, 1)
                picture = F.pixel_shuffle(flat, 8)
                wanted = F.conv2d(picture, weight, bias, stride=8)
            torch.testing.assert_close(found[file], wanted, atol=1e-5, rtol=1e-4)
            alone = manifold(features[file : file + 1], tables[file : file + 1])
            torch.testing.assert_close(found[file : file + 1], alone)
        assert not torch.allclose(*weights)
        turned = manifold(features.flip(3), tables)
        torch.testing.assert_close(turned.flip(3), found)


def test_the_network_that_makes_weights_is_the_papers() -> None:
    """A transposed convolution of 8x8 from the point of the table, as Fig. 3 has it."""
    manifold = part(small(), "luma.second.blocks")
    tables = torch.rand(1, 64)
    with torch.no_grad():
        point = tables
        for layer in (0, 2):
            point = F.prelu(manifold.point[layer](point), manifold.point[layer + 1].slope)
        kernel = manifold.kernel.view(8, 8, 8, 2, 16).permute(0, 4, 3, 1, 2).flatten(1, 2)
        shift = manifold.shift.T.flatten()
        made = F.conv_transpose2d(point[:, :, None, None], kernel, shift)  # (1, 16 * 2, 8, 8)
        weight = manifold.filters(tables)[0].view(8, 8, 2, 16).permute(3, 2, 0, 1).flatten(0, 1)
    torch.testing.assert_close(made[0], weight)


def test_frequencies_are_not_mixed() -> None:
    network = part(small(between=2), "luma.frequencies")
    values = torch.randn(1, 128, 4, 4)
    changed = values.clone()
    changed[:, 10:12] += 1  # both channels of frequency 5
    with torch.no_grad():
        moved = (network(changed) - network(values)).abs().amax(dim=(0, 2, 3)).view(64, 2)
    assert moved[5].max() > 1e-4
    assert moved[torch.arange(64) != 5].max() == 0


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 2)])
def test_frequencies_are_convolved_in_groups(inputs: int, outputs: int) -> None:
    """The planes, and their gradients, are those of a convolution in 64 groups, then PReLU."""
    torch.manual_seed(0)
    layer = FrequencyConv(inputs, outputs, gain=1.0)
    assert layer.bias is not None
    assert layer.active is not None
    nn.init.normal_(layer.bias)
    features = torch.randn(2, 64 * inputs, 4, 5, requires_grad=True)
    weights = torch.randn(2, 64 * outputs, 4, 5)
    leaves = [features, *layer.parameters()]
    made = F.conv2d(features, layer.weight, layer.bias, padding=1, groups=64)
    wanted = F.prelu(made, layer.active.slope)
    changes = torch.autograd.grad((wanted * weights).sum(), leaves)
    found = from_planes(layer.planes(to_planes(features, torch.float32)))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    own = torch.autograd.grad((found * weights).sum(), leaves)
    torch.testing.assert_close(own, changes, atol=1e-4, rtol=1e-4)


def test_dense_blocks_within_frequencies_are_those_of_esrgan() -> None:
    network = part(small(per_frequency=2), "luma.frequencies.trunk.0")
    features = torch.randn(1, 128, 3, 4)
    with torch.no_grad():
        inner = features
        for dense in network.dense:
            seen = [inner]
            for layer in dense:
                each = torch.cat([values.unflatten(1, (64, 2)) for values in seen], dim=2)
                made = F.conv2d(each.flatten(1, 2), layer.weight, layer.bias, 1, 1, 1, 64)
                seen.append(F.prelu(made, layer.active.slope))
            inner = inner + 0.2 * seen[-1]
        wanted = features + 0.2 * inner
        found = from_planes(network.planes(to_planes(features, torch.float32)))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_dense_blocks_are_those_of_esrgan() -> None:
    trunk = part(small(), "luma.first.trunk.0")
    features = torch.randn(1, 16, 5, 5)
    with torch.no_grad():
        inner = features
        for dense in trunk.dense:
            seen = [inner]
            for layer in dense:
                made = F.conv2d(torch.cat(seen, dim=1), layer.weight, layer.bias, padding=1)
                seen.append(F.prelu(made, layer.active.slope))
            inner = inner + 0.2 * seen[-1]
        wanted = features + 0.2 * inner
        torch.testing.assert_close(trunk(features.clone()), wanted)
    torch.testing.assert_close(trunk(features).detach(), wanted)  # as it is trained


def test_slopes_have_the_gradient_of_prelu() -> None:
    active = part(small(), "luma.first.active")
    values = torch.randn(2, 3, 4, 4, dtype=torch.float32, requires_grad=True)
    weights = torch.randn(2, 3, 4, 4)
    (active(values) * weights).sum().backward()
    given, own = values.grad, active.slope.grad
    values.grad = None
    slope = active.slope.detach().clone().requires_grad_()
    (F.prelu(values, slope) * weights).sum().backward()
    torch.testing.assert_close(given, values.grad)
    torch.testing.assert_close(own, slope.grad)


LAYOUTS: list[tuple[ColorSpace, tuple[tuple[int, int], ...]]] = [
    ("gray", ((1, 1),)),
    ("rgb", ((1, 1), (1, 1), (1, 1))),
    ("rgb", ((2, 1), (1, 1), (1, 1))),
    ("ycbcr", ((1, 1), (1, 1), (1, 1))),
    ("ycbcr", ((2, 1), (1, 1), (1, 1))),
    ("ycbcr", ((1, 2), (1, 1), (1, 1))),
    ("ycbcr", ((2, 2), (1, 1), (1, 1))),
    ("ycbcr", ((4, 1), (1, 1), (1, 1))),
    ("ycbcr", ((4, 4), (2, 1), (1, 4))),
    ("ycbcr", ((3, 1), (1, 1), (1, 1))),
    ("ycbcr", ((1, 1), (2, 2), (1, 1))),
    ("ycbcr", ((3, 1), (2, 1), (1, 1))),
]


@pytest.mark.parametrize(("space", "factors"), LAYOUTS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 19), (70, 41)])
@torch.no_grad()
def test_every_sampling_and_size(
    space: ColorSpace, factors: tuple[tuple[int, int], ...], width: int, height: int
) -> None:
    files, network = files_of(space, factors, width, height), small()
    images = network([files], ZeroNoise(), 2)
    assert images.shape == (4, 3, height, width)
    assert images.isfinite().all()
    assert torch.equal(images[0], images[1])
    zero_last(network)
    plain = network([files], ZeroNoise())
    # What goes through the network comes back with repeated samples, the rest as a decoder shows.
    layout = files.layout
    restored = space == "ycbcr" and factors[0] == layout.max_factors and factors[0] != (3, 1)
    wanted = files.decoded()
    if restored:
        full = torch.stack([p[:, :height, :width] for p in repeated(files.planes(), layout)], dim=1)
        wanted = to_pixels(full, layout)
    torch.testing.assert_close(255 * plain, wanted.expand(-1, 3, -1, -1), atol=2e-2, rtol=0)


@torch.no_grad()
def test_files_are_restored_alike_alone_and_with_others() -> None:
    network = small()
    kinds = [LAYOUTS[0], LAYOUTS[1], LAYOUTS[3], LAYOUTS[6], LAYOUTS[7]]
    batches = [files_of(space, factors, 40, 24) for space, factors in kinds]
    together = network(batches, ZeroNoise())
    alone = [
        network([batch.select(slice(n, n + 1))], ZeroNoise()) for batch in batches for n in range(2)
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)


def cosines() -> torch.Tensor:
    """The orthonormal DCT of 8 samples, written out."""
    waves = [[cos((2 * x + 1) * k * pi / 16) / 2 for x in range(8)] for k in range(8)]
    waves[0] = [8**-0.5] * 8
    return torch.tensor(waves)


@pytest.mark.parametrize("reduction", [(2, 2), (2, 1), (4, 1)])
@torch.no_grad()
def test_doubled_coefficients_are_those_of_repeated_samples(reduction: tuple[int, int]) -> None:
    """What the residual of chroma is added to, in DCT units, each sample repeated."""
    network, files = small(), files_of("ycbcr", (reduction, (1, 1), (1, 1)), 64, 32)
    zero_last(network)
    (across, down), waves = reduction, cosines()
    restored = network.encode([files]).features
    for component in (1, 2):
        given = files.coefficients[component].float() * files.tables[component][:, None, None]
        samples = waves.T @ given @ waves
        plane = samples.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        plane = plane.repeat_interleave(down, dim=1).repeat_interleave(across, dim=2)
        blocks = plane.unflatten(2, (-1, 8)).unflatten(1, (-1, 8)).transpose(2, 3)
        wanted = waves @ blocks @ waves.T
        torch.testing.assert_close(restored[component], wanted, atol=1e-3, rtol=1e-4)
    assert torch.equal(restored[0], files.coefficients[0] * files.tables[0][:, None, None].float())


def test_the_fusion_keeps_frequencies_and_the_order_of_the_parts() -> None:
    """Of three parts side by side; the second BlockNet's first, the first one's last."""
    network = part(small(), "luma")
    parts = [torch.randn(1, 128, 3, 3) for _ in range(3)]
    with torch.no_grad():
        before = network.fusion(parts)
        for index in range(3):
            moved = [values.clone() for values in parts]
            moved[index][:, 10:12] += 1  # both channels of frequency 5
            change = (network.fusion(moved) - before).abs()
            assert change[:, 5].max() > 1e-4
            assert change[:, torch.arange(64) != 5].max() == 0
        seen: list[list[torch.Tensor]] = []
        network.fusion.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        values, tables = torch.randn(1, 64, 3, 3), torch.rand(1, 64)
        network(values, tables)
        first = network.first(values, tables)
        second = network.frequencies(first)
        third = network.second(second, tables)
    torch.testing.assert_close(seen[0], [third, second, first])


@torch.no_grad()
def test_one_network_for_both_chromas_and_none_for_luma() -> None:
    network, files = small(), files_of("ycbcr", ((2, 2), (1, 1), (1, 1)), 48, 32)
    statistics = part(network, "statistics")
    statistics.mean[2], statistics.std[2] = statistics.mean[1], statistics.std[1]
    (y, cb, cr), (table, *others) = files.coefficients, files.tables
    swapped = replace(files, coefficients=(y, cr, cb), tables=(table, *others[::-1]))
    first, second = (network.encode([batch]).features for batch in (files, swapped))
    torch.testing.assert_close(first[0], second[0])
    torch.testing.assert_close(first[1], second[2])
    torch.testing.assert_close(first[2], second[1])
    assert not torch.allclose(first[1], first[2])


def test_luma_guides_chroma() -> None:
    network, files = small(), files_of("ycbcr", ((2, 2), (1, 1), (1, 1)), 32, 32)
    moved = replace(files, coefficients=(files.coefficients[0] + 1, *files.coefficients[1:]))
    with torch.no_grad():
        chroma, guided = (network.encode([batch]).features[1] for batch in (files, moved))
    assert not torch.allclose(chroma, guided)
    network.encode([files]).features[1].sum().backward()
    gradient = network.get_parameter("luma.fusion.2.weight").grad
    assert gradient is not None
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("guide", ["concat", "none"])
@torch.no_grad()
def test_ablations_of_the_guide(guide: str) -> None:
    network, files = small(tables=guide), files_of("ycbcr", ((1, 1),) * 3, 32, 16)
    other = replace(files, tables=tuple(table + 9 for table in files.tables))
    told = [
        part(network, "luma.first")(torch.ones(2, 64, 2, 2), t.tables[0].flatten(1) / 255)
        for t in (files, other)
    ]
    assert torch.allclose(*told) == (guide == "none")


@pytest.mark.parametrize("config", [{"parts": "block"}, {"parts": "frequency"}, {"fusion": False}])
@torch.no_grad()
def test_ablations_of_the_parts(config: dict[str, object]) -> None:
    network = small(**config)
    names = {name.split(".")[1] for name, _ in network.named_parameters() if "luma." in name[:5]}
    left_out = {"block": {"frequencies"}, "frequency": {"first", "second"}}
    assert names == {"first", "frequencies", "second", "fusion"} - left_out.get(
        str(config.get("parts")), set()
    )
    assert network([files_of("gray", ((1, 1),), 24, 24)], ZeroNoise()).isfinite().all()


def test_impossible_sizes_are_refused() -> None:
    for config, words in (
        ({"between": 0}, "between"),
        ({"layers": 0}, "layers"),
        ({"fused": -1}, "fused"),
        ({"tables": "film"}, "cfm, concat or none"),
        ({"parts": "fusion"}, "both, block or frequency"),
        ({"units": "metres"}, "deviations or balanced"),
    ):
        with pytest.raises(ValueError, match=words):
            generators.create("qgac", config)


@pytest.mark.parametrize("units", ["deviations", "balanced"])
@torch.no_grad()
def test_statistics_are_those_of_the_pictures_and_stay_whole(tmp_path: Path, units: str) -> None:
    network = small(units=units)
    random = torch.Generator().manual_seed(0)
    pictures = [torch.randint(0, 256, (3, 21, 35), dtype=torch.uint8, generator=random)] * 3
    network.learn_statistics(pictures)
    statistics = part(network, "statistics")
    layout = Layout(32, 16, "ycbcr", ((1, 1),) * 3)
    grids = encode_dct(pictures[0][None, :, 2:18, 1:33].float(), layout)
    for component, grid in enumerate(grids):
        step = torch.from_numpy(scaled_tables(25)[min(component, 1)])
        lost = (grid - (grid / step).round() * step).square().mean(dim=(0, 1, 2)).sqrt()
        deviation = grid.std(dim=(0, 1, 2), correction=0)
        seen, given = deviation, deviation
        if units == "balanced":
            seen, given = (deviation * lost).sqrt(), lost
        features = statistics.normalized(grid, component)
        assert features.mean(dim=(0, 2, 3)).abs().max() < 1e-3
        spread = features.std(dim=(0, 2, 3), correction=0) * seen.flatten()
        torch.testing.assert_close(spread, deviation.flatten(), rtol=0.02, atol=1e-3)
        unit = statistics.in_units(torch.ones(1, 64, 1, 1), component)[0, 0, 0]
        torch.testing.assert_close(unit, given, rtol=1e-3, atol=1e-2)
    mean = statistics.mean.clone()
    path = tmp_path / "weights.safetensors"
    save(path, network, {})
    again = prepare(load(path)[0], torch.device("cpu"), "bfloat16")
    assert again.dtype == torch.bfloat16
    assert torch.equal(part(again, "statistics").mean, mean)


@torch.no_grad()
def test_where_next_to_nothing_is_lost_next_to_nothing_changes(make_jpeg: MakeJpeg) -> None:
    """The shipped weights at quality 100, all of whose steps are 1."""
    path = make_jpeg("whole.jpg", quality=100, mode="L", size=(64, 48))
    files = JpegBatch.of_file(read_jpeg(path.read_bytes()))
    assert all((table == 1).all() for table in files.tables)
    change = open_model("qgac")[1].eval()([files], ZeroNoise()) * 255 - files.decoded()
    assert 0 < change.square().mean().sqrt() < 1


@torch.no_grad()
def test_shares_of_statistics_and_weights(tmp_path: Path) -> None:
    networks = [small(), small()]
    for value in networks[1].state_dict().values():
        value.mul_(3)
    paths = [tmp_path / f"{name}.safetensors" for name in ("qgac", "gan")]
    for path, network in zip(paths, networks, strict=True):
        save(path, network, {})
    mixed, _ = blend({paths[0]: 0.3, paths[1]: 0.7})
    for name, value in networks[0].state_dict().items():
        torch.testing.assert_close(mixed.state_dict()[name], 2.4 * value, rtol=2e-3, atol=1e-4)


@torch.no_grad()
def test_bfloat16_sees_fine_levels() -> None:
    """Its coefficients come in whole, and what it changes is added to them in float32."""
    network, files = small(), files_of("ycbcr", ((2, 2), (1, 1), (1, 1)), 64, 48)
    whole = network([files], ZeroNoise())
    half = prepare(network, torch.device("cpu"), "bfloat16")
    zero_last(half)
    fine = replace(files, coefficients=tuple(grid * 0 + 1 for grid in files.coefficients))
    images = half([fine], ZeroNoise())
    full = torch.stack([p[:, :48, :64] for p in repeated(fine.planes(), fine.layout)], dim=1)
    torch.testing.assert_close(255 * images, to_pixels(full, fine.layout), atol=2e-2, rtol=0)
    assert whole.isfinite().all()


@torch.no_grad()
def test_tiles_are_the_whole_picture() -> None:
    """Within a hundredth of a gray level; of it, 1/128 is how they wait for each other."""
    factors = ((2, 2), (1, 1), (1, 1))
    files, network = files_of("ycbcr", factors, 640, 24).select(slice(1)), small()
    coefficients = tuple(grid[0].numpy().astype(np.int16) for grid in files.coefficients)
    tables = tuple(table[0].numpy() for table in files.tables)
    jpeg = QuantizedJpeg(files.layout, coefficients, tables, "baseline")
    memory = network.bytes_per_pixel(4) * 24 * 448
    assert len(tiles_of(network, files.layout, memory)) > 1
    whole, tiled = (
        next(generate(network, jpeg, samples=1, seed=0, memory=room)) for room in (1 << 40, memory)
    )
    assert (whole - tiled).abs().max() < 0.01
