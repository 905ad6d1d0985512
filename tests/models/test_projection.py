"""The projection in real numbers: into the cells and no further, and the same in tiles."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from jpeg_batches import batch_of
from jpegx.jpeg import transform
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.models.files import Files
from jpegx.models.noise import CounterNoise
from jpegx.models.projection import project as project_all
from jpegx.models.registry import generators
from layouts import layouts

pytestmark = pytest.mark.usefixtures("one_thread")

GRAY = ((1, 1),)
FULL = ((1, 1),) * 3
HALF = ((2, 2), (1, 1), (1, 1))
LAYOUTS = [
    Layout(96, 64, "gray", GRAY),
    Layout(96, 64, "rgb", FULL),
    Layout(96, 64, "ycbcr", FULL),
    Layout(96, 64, "ycbcr", HALF),
    Layout(96, 64, "ycbcr", ((4, 1), (1, 1), (1, 1))),
    Layout(96, 64, "ycbcr", ((2, 2), (2, 1), (1, 2))),
    Layout(96, 64, "ycbcr", ((3, 1), (1, 1), (1, 1))),
]
FAMILIES = [
    ("unet", "head.weight", {"widths": [8, 8], "encoder": [1, 1], "decoder": [1, 1]}),
    ("rrdb", "last.weight", {"blocks": 1, "features": 8, "growth": 4}),
]
SAMPLINGS = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: str(layout.factors))


def project(images: Tensor, files: JpegBatch | Files, samples: int) -> Tensor:
    """Of one batch of files, or several."""
    return project_all(images, [files] if isinstance(files, JpegBatch) else files, samples)


def random(seed: int, *shape: int) -> Tensor:
    """Uniform numbers from 0 to 1."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def soft(layout: Layout, seed: int = 0, count: int = 2) -> Tensor:
    """Images (count, C, H, W) between 80 and 175 gray levels, far from black and white."""
    return 80 + 95 * random(seed, count, layout.channels, layout.height, layout.width)


def tables_of(layout: Layout, most: int) -> list[Tensor]:
    """A table per component, all steps different."""
    steps = random(9, len(layout.factors), 8, 8) * most
    return list(1 + steps.floor())


def file_of(image: Tensor, layout: Layout, most: int) -> tuple[JpegBatch, list[Tensor]]:
    """Files of images, compressed, and the middle of their cells."""
    tables = tables_of(layout, most)
    whole = [v.round() for v in transform.normalize(transform.encode_dct(image, layout), tables)]
    return batch_of(whole, tables, layout), transform.dequantize(whole, tables)


def as_generated(image: Tensor) -> Tensor:
    """Three channels / 255, as a generator gives them; those of gray are not the same."""
    if image.shape[1] == 3:
        return image / 255
    unequal = torch.tensor([1.0, 2, -3])[:, None, None] * random(7, *image.shape)
    return (image + 10 * unequal) / 255


def seen(images: Tensor, layout: Layout) -> Tensor:
    """What a file of this layout shows of generated images, in gray levels."""
    return (images if layout.channels == 3 else images.mean(dim=1, keepdim=True)) * 255


def rooms(layout: Layout, most: int) -> list[Tensor]:
    """How far from the middle of their cells coefficients may lie."""
    return [torch.maximum(t / 2 - 1, t / 4) for t in tables_of(layout, most)]


@SAMPLINGS
@pytest.mark.parametrize("most", [1, 3, 20])
def test_coefficients_come_into_their_cells_and_no_further(layout: Layout, most: int) -> None:
    file, middle = file_of(soft(layout), layout, most)
    images = as_generated(soft(layout, 1))
    projected = project(images, file, 1)
    before = transform.encode_dct(seen(images, layout), layout)
    after = transform.encode_dct(seen(projected, layout), layout)
    for values, own, centre, room in zip(after, before, middle, rooms(layout, most), strict=True):
        wanted = own.clamp(centre - room, centre + room)
        torch.testing.assert_close(values, wanted, atol=2e-3, rtol=0)
    torch.testing.assert_close(project(projected, file, 1), projected, atol=1e-5, rtol=0)


@settings(max_examples=60)
@given(layouts(), st.integers(1, 40))
def test_an_image_of_the_file_stays(layout: Layout, most: int) -> None:
    # Whatever its size: what the file holds past its edges counts as well.
    image, tables = soft(layout), tables_of(layout, most)
    own = transform.normalize(transform.encode_dct(image, layout), tables)
    apart = [0.2 * (2 * random(3, *v.shape) - 1) for v in own]  # of a step; 0.25 are allowed
    file = batch_of([v + a for v, a in zip(own, apart, strict=True)], tables, layout)
    images = as_generated(image)
    torch.testing.assert_close(project(images, file, 1), images, atol=2e-5, rtol=0)


@pytest.mark.parametrize("samples", [1, 3])
def test_samples_of_a_file_follow_each_other(samples: int) -> None:
    layout = LAYOUTS[3]
    files = [file_of(soft(layout, seed, 1), layout, 30)[0] for seed in (0, 1)]
    images = as_generated(soft(layout, 2, 2 * samples))
    together = project(images, files, samples)
    parts = zip(images.split(samples), files, strict=True)
    alone = [project(image[None], file, 1) for part, file in parts for image in part]
    torch.testing.assert_close(together, torch.cat(alone))


def test_fractional_ratios_are_left_alone() -> None:
    layout = Layout(48, 48, "ycbcr", ((3, 1), (2, 1), (1, 1)))
    grids = [torch.zeros(1, *layout.blocks(c), 8, 8) for c in range(3)]
    file = batch_of(grids, [torch.full((8, 8), 40.0)] * 3, layout)
    images = as_generated(soft(layout, 1, 1))
    assert torch.equal(project(images, file, 1), images)


def test_clipping_takes_little_out_of_the_cells() -> None:
    layout = LAYOUTS[3]
    ramp = torch.linspace(-60, 320, 96).expand(2, 3, 64, 96)  # black and white at its ends
    image = (ramp + 0.2 * soft(layout)).clamp(0, 255)
    tables = [torch.full((8, 8), 12.0)] * 3
    values = transform.normalize(transform.encode_dct(image, layout), tables)
    file = batch_of([v.round() for v in values], tables, layout)
    off = (image + 70 * (random(4, 2, 3, 64, 96) - 0.5)) / 255
    shares = []
    for images in (off, project(off, file, 1)):
        shown = transform.encode_dct(images.clamp(0, 1) * 255, layout)
        again = transform.normalize(shown, tables)
        out = [(v - w.round()).abs() > 0.5 for v, w in zip(again, values, strict=True)]
        shares.append(torch.cat([o.flatten() for o in out]).float().mean())
    assert shares[1] < 0.07 * shares[0]  # into the cells once: 0.12


@pytest.mark.parametrize(("wish", "passes"), [(-1, True), (1, False)])
def test_the_gradient_of_what_is_held_passes_inwards(wish: int, passes: bool) -> None:
    layout = Layout(32, 32, "gray", GRAY)
    table = [torch.full((8, 8), 16.0)]
    file = batch_of([torch.zeros(1, 4, 4, 8, 8)], table, layout)
    level = torch.tensor(10 / 255, requires_grad=True)  # ten gray levels off: 80 in the mean
    away = project(128 / 255 + level.expand(1, 3, 32, 32), file, 1).mean() - 128 / 255
    assert away.item() * 255 == pytest.approx(7 / 8, abs=1e-3)
    (gradient,) = torch.autograd.grad(-wish * away, level)
    assert gradient.item() == pytest.approx(-wish if passes else 0, abs=1e-5)


@pytest.mark.parametrize(("wish", "passes"), [(-1, True), (1, False)])
def test_the_gradient_of_what_is_clipped_passes_inwards(wish: int, passes: bool) -> None:
    layout = Layout(32, 32, "gray", GRAY)
    coarse = [torch.full((8, 8), 4000.0)]  # any image is inside
    file = batch_of([torch.zeros(1, 4, 4, 8, 8)], coarse, layout)
    level = torch.tensor(1.1, requires_grad=True)  # whiter than white
    white = project(level.expand(1, 3, 32, 32), file, 1).mean()
    assert white.item() == pytest.approx(1, abs=1e-4)
    (gradient,) = torch.autograd.grad(-wish * white, level)
    assert gradient.item() == pytest.approx(-wish if passes else 0, abs=1e-5)


def test_files_of_a_batch_are_as_alone() -> None:
    layouts = [Layout(40, 24, "ycbcr", f) for f in (HALF, FULL, HALF)]
    layouts.append(Layout(40, 24, "gray", GRAY))
    files = [file_of(soft(layout), layout, 12)[0] for layout in layouts]
    images = [as_generated(soft(layout, 5)) for layout in layouts]
    together = project(torch.cat(images), files, 1)
    alone = [project(i, f, 1) for i, f in zip(images, files, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize(("family", "last", "sizes"), FAMILIES)
@torch.no_grad()
def test_a_generator_with_projection(family: str, last: str, sizes: dict[str, object]) -> None:
    torch.manual_seed(0)
    plain, projecting = (
        generators.create(family, {**sizes, "projection": p}) for p in (False, True)
    )
    torch.nn.init.normal_(plain.get_parameter(last), std=0.02)  # far from black and white
    projecting.load_state_dict(plain.state_dict())
    assert projecting.needs.consistent
    file, _ = file_of(soft(LAYOUTS[3]), LAYOUTS[3], 20)
    noise = CounterNoise(0)
    images = plain([file], noise, 2)
    projected = projecting([file], noise, 2)
    assert (images - projected).abs().max() > 0.02
    torch.testing.assert_close(projected, project(images, file, 2))
    with torch.autocast("cpu", torch.bfloat16):
        low = projecting([file], noise, 2)
    assert low.dtype == torch.float32
    torch.testing.assert_close(project(low, file, 2), low, atol=1e-5, rtol=0)
