"""The projection in real numbers: into the cells and no further, and the same in tiles."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from jpegx.jpeg import forward
from jpegx.jpeg.layout import Layout
from jpegx.models.conditioning import Conditions, conditions, join
from jpegx.models.noise import CounterNoise
from jpegx.models.projection import PROJECTION_MULTIPLE, project
from jpegx.models.registry import create
from layouts import layouts

pytestmark = pytest.mark.usefixtures("one_thread")

FULL = ((1, 1),) * 3
HALF = ((2, 2), (1, 1), (1, 1))
LAYOUTS = [
    Layout(96, 64, "gray", ((1, 1),)),
    Layout(96, 64, "rgb", FULL),
    Layout(96, 64, "ycbcr", FULL),
    Layout(96, 64, "ycbcr", HALF),
    Layout(96, 64, "ycbcr", ((4, 1), (1, 1), (1, 1))),
    Layout(96, 64, "ycbcr", ((2, 2), (2, 1), (1, 2))),
]
SIZES = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: str(layout.factors))


def file_of(image: Tensor, layout: Layout, step: int) -> tuple[Conditions, list[Tensor]]:
    """Conditions of a compressed image (N, C, H, W) in gray levels, and its middle of cells."""
    tables = [torch.full((8, 8), float(step))] * len(layout.factors)
    whole = [v.round() for v in forward.normalize(forward.coefficients(image, layout), tables)]
    return conditions(whole, tables, layout), forward.dequantize(whole, tables)


def soft(layout: Layout, seed: int = 0) -> Tensor:
    """An image (2, C, H, W) between 80 and 175 gray levels, which no change takes out of 8 bits."""
    random = torch.Generator().manual_seed(seed)
    return 80 + 95 * torch.rand(2, layout.channels, layout.height, layout.width, generator=random)


def as_generated(image: Tensor) -> Tensor:
    """Three channels / 255, as a generator gives them."""
    return image.expand(-1, 3, -1, -1) / 255


@SIZES
@pytest.mark.parametrize("step", [1, 3, 20])
def test_coefficients_come_into_their_cells_and_no_further(layout: Layout, step: int) -> None:
    file, middle = file_of(soft(layout), layout, step)
    images = as_generated(soft(layout, 1))
    projected = project(images, file, 1)
    room = max(step / 2 - 1, step / 4)
    before = forward.coefficients(images[:, : layout.channels] * 255, layout)
    after = forward.coefficients(projected[:, : layout.channels] * 255, layout)
    for values, wanted, centre in zip(after, before, middle, strict=True):
        torch.testing.assert_close(
            values, wanted.clamp(centre - room, centre + room), atol=2e-3, rtol=0
        )
    torch.testing.assert_close(project(projected, file, 1), projected, atol=1e-5, rtol=0)


@SIZES
def test_nearer_to_every_image_of_the_file(layout: Layout) -> None:
    image = soft(layout)
    file, middle = file_of(image, layout, 20)
    # As near to the middle of its cells as to be within the margin.
    inside = [
        centre + (values - centre) * 0.8
        for values, centre in zip(forward.coefficients(image, layout), middle, strict=True)
    ]
    other = soft(layout, 1)
    projected = project(as_generated(other), file, 1)[:, : layout.channels] * 255
    distances = [
        sum(
            float((v - i).square().sum())
            for v, i in zip(forward.coefficients(x, layout), inside, strict=True)
        )
        for x in (other, projected)
    ]
    assert distances[1] < 0.5 * distances[0]


@settings(max_examples=40)
@given(layouts(), st.integers(1, 3))
def test_any_layout(layout: Layout, samples: int) -> None:
    file, _ = file_of(soft(layout), layout, 10)
    images = as_generated(soft(layout, 2)).repeat_interleave(samples, dim=0)
    projected = project(images, file, samples)
    assert projected.shape == images.shape
    assert projected.isfinite().all()
    across, down = layout.max_factors
    ratios = [r for h, v in layout.factors for r in (across / h, down / v)]
    if not all(r in (1, 2, 4) for r in ratios):
        assert torch.equal(projected, images)


def test_clipping_takes_little_out_of_the_cells() -> None:
    layout = Layout(96, 64, "ycbcr", HALF)
    x = torch.linspace(-60, 320, 96).expand(2, 3, 64, 96)  # a ramp, black and white at its ends
    image = (x + 0.2 * soft(layout)).clamp(0, 255)
    file, middle = file_of(image, layout, 12)
    off = (image + 20 * torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(4))) / 255
    shares = []
    for images in (off, project(off, file, 1)):
        values = forward.coefficients(images.clamp(0, 1) * 255, layout)
        out = [(v - m).abs() > 6 for v, m in zip(values, middle, strict=True)]
        shares.append(torch.cat([o.flatten() for o in out]).float().mean())
    assert shares[1] < 0.07 * shares[0]  # into the cells once: 0.12


def test_the_gradient_of_what_is_held_passes_inwards() -> None:
    layout = Layout(32, 32, "gray", ((1, 1),))
    file, _ = file_of(torch.full((1, 1, 32, 32), 128.0), layout, 16)
    level = torch.tensor(10 / 255, requires_grad=True)  # ten gray levels off: 80 in the mean
    for wish, passes in ((-1, True), (1, False)):
        image = 128 / 255 + level.expand(1, 3, 32, 32)
        away = project(image, file, 1).mean() - 128 / 255
        assert away.item() * 255 == pytest.approx(7 / 8, abs=1e-3)
        (gradient,) = torch.autograd.grad(-wish * away, level)
        assert float(gradient) == pytest.approx(-wish if passes else 0, abs=1e-5)


def test_files_of_a_batch_are_as_alone() -> None:
    parts = [Layout(40, 24, "ycbcr", HALF), Layout(40, 24, "ycbcr", FULL), LAYOUTS[0]]
    parts[2] = replace(parts[2], width=40, height=24)
    files = [file_of(soft(layout), layout, 12)[0] for layout in parts]
    images = [as_generated(soft(layout, 5)) for layout in parts]
    together = project(torch.cat(images), join(files), 1)
    alone = [project(i, f, 1) for i, f in zip(images, files, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


@SIZES
def test_components_have_the_coefficients_of_the_file(layout: Layout) -> None:
    file, middle = file_of(soft(layout), layout, 5)
    count = len(layout.factors)
    parts = replace(layout, color_space="rgb") if count == 3 else layout
    values = forward.coefficients(file.components[:, :count] + 128, parts)
    for ours, theirs in zip(values, middle, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


@torch.no_grad()
def test_a_generator_with_projection() -> None:
    torch.manual_seed(0)
    sizes = {"widths": [8, 8], "encoder": [1, 1], "decoder": [1, 1], "embedding": 8}
    plain, projecting = (create("unet", {**sizes, "projection": p}) for p in (False, True))
    torch.nn.init.normal_(plain.get_parameter("head.weight"), std=0.05)
    projecting.load_state_dict(plain.state_dict())
    assert projecting.multiple == PROJECTION_MULTIPLE
    file, _ = file_of(soft(LAYOUTS[3]), LAYOUTS[3], 20)
    noise = CounterNoise(0)
    images = plain(file, noise, 2)
    projected = projecting(file, noise, 2)
    assert (images - projected).abs().max() > 0.02
    torch.testing.assert_close(projected, project(images, file, 2))
    with torch.autocast("cpu", torch.bfloat16):
        low = projecting(file, noise, 2)
    assert low.dtype == torch.float32
    torch.testing.assert_close(project(low, file, 2), low, atol=1e-5, rtol=0)
