"""Dither: uniform in the cells of the lowest frequencies, and the same in tiles."""

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings

from jpeg_batches import batch_of, showing
from jpegx.jpeg import transform
from jpegx.jpeg.box import Box
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.models.dither import PLACES
from jpegx.models.dither import dither as dither_of
from jpegx.models.files import Files
from jpegx.models.noise import CounterNoise, Noise, NoiseField, ZeroNoise
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer
from layouts import layouts

pytestmark = pytest.mark.usefixtures("one_thread")

GRAY = ((1, 1),)
FULL = ((1, 1),) * 3
HALF = ((2, 2), (1, 1), (1, 1))
WIDE = ((4, 1), (1, 1), (1, 1))
UNET: dict[str, object] = {"widths": [8, 8], "encoder": [1, 1], "decoder": [1, 1], "embedding": 8}
RRDB: dict[str, object] = {"blocks": 1, "features": 8, "growth": 4, "embedding": 8}


def tables(layout: Layout) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(len(layout.factors))
    return [torch.randint(1, 60, (8, 8), generator=random) for _ in layout.factors]


def dither(files: JpegBatch | Files, noise: Noise, samples: int) -> torch.Tensor:
    """Of one batch, or several."""
    return dither_of([files] if isinstance(files, JpegBatch) else files, noise, PLACES, samples)


def blank(layout: Layout, count: int = 1) -> JpegBatch:
    """Files without any coefficient."""
    grids = [torch.zeros(count, *layout.blocks(c), 8, 8) for c in range(len(layout.factors))]
    return batch_of(grids, tables(layout), layout)


@pytest.mark.parametrize(
    "layout",
    [
        Layout(250, 190, "gray", GRAY),
        Layout(250, 190, "rgb", FULL),
        Layout(250, 190, "ycbcr", FULL),
        Layout(250, 190, "ycbcr", HALF),
        Layout(250, 190, "ycbcr", WIDE),
    ],
)
def test_lowest_frequencies_are_uniform_in_their_cells(layout: Layout) -> None:
    change = dither(blank(layout), CounterNoise(3), 4)
    assert change.shape == (4, 3, 190, 250)
    values = transform.encode_dct(change[:, : layout.channels] * 255 + 128, layout)
    for grid in transform.normalize(values, [t.float() for t in tables(layout)]):
        whole = grid[:, :-2, :-2]  # blocks that end inside the picture
        for v, u in ((0, 0), (0, 1), (1, 0)):
            places = whole[..., v, u].flatten()
            assert places.abs().max() <= 0.501
            quantiles = places.quantile(torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9]))
            wanted = torch.tensor([-0.4, -0.2, 0.0, 0.2, 0.4])
            assert (quantiles - wanted).abs().max() < 2.5 / len(places) ** 0.5
        assert whole[..., 1, 1].abs().max() < 1e-3
    if layout.color_space == "gray":
        assert torch.equal(change[:, 0], change[:, 2])


def test_places_are_independent() -> None:
    layout = Layout(512, 512, "ycbcr", FULL)
    change = dither(blank(layout), CounterNoise(4), 2)
    values = transform.normalize(transform.encode_dct(change * 255 + 128, layout), tables(layout))
    places = [v[s, ..., i, j] for v in values for s in (0, 1) for i, j in ((0, 0), (0, 1), (1, 0))]
    off = torch.corrcoef(torch.stack([p.flatten() for p in places])) - torch.eye(18)
    assert off.abs().max() < 5 / 64  # five standard errors of 64 by 64 blocks
    for place in places:
        neighbours = torch.stack([place[:, 1:].flatten(), place[:, :-1].flatten()])
        assert torch.corrcoef(neighbours)[0, 1].abs() < 5 / 64


@settings(max_examples=40)
@given(layouts())
def test_any_layout(layout: Layout) -> None:
    change = dither(blank(layout, 2), CounterNoise(0), 3)
    assert change.shape == (6, 3, layout.height, layout.width)
    assert change.isfinite().all()
    assert change.std() > 0


def test_weaker_noise_stays_nearer_to_the_middle() -> None:
    file = blank(Layout(128, 128, "ycbcr", HALF))
    spreads = [float(dither(file, CounterNoise(1, temperature=t), 2).std()) for t in (0.2, 0.7, 1)]
    assert spreads[0] < 0.4 * spreads[2] < spreads[1] < 0.9 * spreads[2]


@pytest.mark.parametrize("factors", [FULL, HALF, WIDE])
def test_a_tile_gets_that_of_the_whole(factors: tuple[tuple[int, int], ...]) -> None:
    whole = blank(Layout(160, 128, "ycbcr", factors))
    box, noise = Box(32, 64, 112, 160), CounterNoise(5, first=2)
    expected = box.of(dither(whole, noise, 2))
    tile = dither(whole.crop(box), noise, 2)
    torch.testing.assert_close(tile, expected)


def test_files_of_a_batch_are_as_alone() -> None:
    files = [blank(Layout(40, 24, "ycbcr", f)) for f in (HALF, FULL, HALF)]
    files.append(blank(Layout(40, 24, "gray", GRAY)))
    together = dither(files, CounterNoise(9), 2)
    alone = [dither(file, CounterNoise(9), 2) for file in files]
    torch.testing.assert_close(together, torch.cat(alone))


@dataclass(frozen=True)
class Only(Noise):
    """The noise of some channels alone, their numbers moved."""

    channels: range
    by: int = 0

    def _gaussian(
        self, field: NoiseField, like: torch.Tensor, start: tuple[int, int], samples: int
    ) -> torch.Tensor:
        moved = replace(field, number=field.number + self.by)
        drawn = CounterNoise(0)._gaussian(moved, like, start, samples)
        return drawn if moved.number in self.channels else torch.zeros_like(drawn)


@pytest.mark.parametrize(("family", "config"), [("unet", UNET), ("rrdb", RRDB)])
@torch.no_grad()
def test_generators_with_dither_and_without(family: str, config: dict[str, object]) -> None:
    torch.manual_seed(0)
    dithered = generators.create(family, {**config, "dither": True}).eval()
    plain = generators.create(family, config).eval()
    for parameter in dithered.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    transfer(dithered, plain)
    file = [blank(Layout(50, 41, "ycbcr", HALF))]
    assert dithered.stochastic
    torch.testing.assert_close(dithered(file, ZeroNoise()), plain(file, ZeroNoise()))
    # The other noise has the numbers after those of the dither.
    dithered_only = dithered(file, Only(range(PLACES.channels)), 2)
    assert not torch.allclose(dithered_only[0], dithered_only[1], atol=1e-3)
    others = range(PLACES.channels, 99)
    got = dithered(file, Only(others), 2)
    torch.testing.assert_close(got[:1], plain(file, Only(others, PLACES.channels)))


@torch.no_grad()
def test_unet_sees_the_dithered_image() -> None:
    torch.manual_seed(0)
    dithered, plain = (
        generators.create("unet", {**UNET, "dither": on}).eval() for on in (True, False)
    )
    for parameter in dithered.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.zeros_(dithered.get_parameter("noise.weight"))  # what else it sees of the dither
    transfer(dithered, plain)
    file = showing(0.3 + torch.zeros(1, 3, 41, 50), step=30.0)
    change = dither(file, CounterNoise(0), 2)
    for sample in range(2):
        expected = plain([showing(file.decoded() / 255 + change[sample], 30.0)], ZeroNoise())
        got = dithered([file], Only(range(PLACES.channels)), 2)[sample : sample + 1]
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
