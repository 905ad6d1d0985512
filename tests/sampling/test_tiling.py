"""Tiles: that they cover the image, and that a tiled result is the whole one."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import MakeJpeg
from jpeg_batches import showing
from jpegx.errors import JpegxError
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.jpeg_batch import JpegBatch, _View
from jpegx.jpeg.layout import Layout
from jpegx.models.generator import Encoded, Generator
from jpegx.models.noise import CounterNoise, Noise, ZeroNoise
from jpegx.models.registry import generators
from jpegx.sampling.generate import generate
from jpegx.sampling.hardware import prepare
from jpegx.sampling.tiling import plan

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    halo=st.sampled_from([0, 8, 40, 64]),
    multiple=st.sampled_from([2, 8, 32]),
    blend=st.sampled_from([0, 6, 16]),
    max_pixels=st.integers(1, 200_000),
)
@settings(max_examples=30)
def test_tiles_make_the_image(
    height: int, width: int, halo: int, multiple: int, blend: int, max_pixels: int
) -> None:
    tiles = plan(height, width, halo=halo, multiple=multiple, blend=blend, max_pixels=max_pixels)
    image = torch.full((1, height, width), torch.nan, dtype=torch.float64)
    source = torch.arange(height * width, dtype=torch.float64).view(1, height, width)
    for tile in tiles:
        seen, written = tile.seen, tile.written
        assert seen.top % multiple == seen.left % multiple == 0
        assert 0 <= seen.top <= written.top < written.bottom <= seen.bottom <= height
        assert written.top - seen.top >= min(halo, written.top)
        assert seen.right - written.right >= min(halo, width - written.right)
        tile.put(written.of(source), image)
    torch.testing.assert_close(image, source)


def test_the_grid_with_the_least_work_is_taken() -> None:
    whole = plan(600, 800, halo=40, multiple=8, blend=0, max_pixels=480_000)
    assert [tile.seen for tile in whole] == [Box(0, 0, 600, 800)]
    tiles = plan(600, 800, halo=40, multiple=8, blend=0, max_pixels=300_000)
    assert [tile.written for tile in tiles] == [Box(0, 0, 600, 400), Box(0, 400, 600, 800)]


def test_blending_hides_a_step() -> None:
    tiles = plan(64, 256, halo=0, multiple=8, blend=16, max_pixels=64 * 160)
    assert len(tiles) == 2
    image = torch.zeros(1, 64, 256)
    for level, tile in enumerate(tiles):
        part = tile.written.of(torch.full((1, 64, 256), 16.0 * level))
        tile.put(part, image)
    assert float(image.diff(dim=2).abs().max()) <= 1.001


def _network(family: str, **config: object) -> Generator:
    torch.manual_seed(0)
    generator = generators.create(family, config)
    for name, parameter in generator.named_parameters():
        if name.startswith("head") or "affine" in name:
            torch.nn.init.normal_(parameter.data, std=0.05)
    return prepare(generator, CPU, "float32")


@pytest.fixture(params=["4:2:0", "4:4:4", "gray"])
def jpeg(request: pytest.FixtureRequest, make_jpeg: MakeJpeg) -> QuantizedJpeg:
    if request.param == "gray":
        path = make_jpeg("gray.jpg", size=(197, 203), mode="L")
    else:
        path = make_jpeg("colour.jpg", size=(197, 203), subsampling=request.param)
    return read_jpeg(path)


def test_a_crop_is_a_part_of_the_whole(jpeg: QuantizedJpeg) -> None:
    whole = JpegBatch.of_file(jpeg)
    for box in (Box(0, 0, 64, 48), Box(48, 32, 112, 96), Box(160, 128, 203, 197)):
        part = whole.crop(box)
        torch.testing.assert_close(part.decoded(), box.of(whole.decoded()), atol=1e-3, rtol=0)
        assert part.origin == (box.top, box.left)
        assert part.layout == Layout(
            box.right - box.left, box.bottom - box.top, jpeg.layout.color_space, jpeg.layout.factors
        )
        for c, (ours, all_of_it) in enumerate(zip(part.cell(), whole.cell(), strict=True)):
            down, across = (8 * r for r in reversed(jpeg.layout.reduction(c)))
            rows, columns = part.layout.blocks(c)
            held = all_of_it.centre[:, box.top // down :, box.left // across :]
            assert torch.equal(ours.centre, held[:, :rows, :columns])
    inner = whole.crop(Box(48, 32, 112, 96)).crop(Box(16, 16, 64, 64))
    expected = Box(64, 48, 112, 96)
    assert inner.origin == (64, 48)
    torch.testing.assert_close(inner.decoded(), expected.of(whole.decoded()), atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="cuts units"):
        whole.crop(Box(4, 0, 64, 48))


UNET = {"widths": [8, 8, 8], "encoder": [1, 1, 0], "decoder": [1, 1, 1], "embedding": 8}
RRDB = {"blocks": 1, "features": 8, "growth": 4, "embedding": 8}


@pytest.mark.parametrize(
    ("family", "config", "halo"),
    [
        ("unet", UNET, 48),
        ("unet", UNET | {"dither": True}, 48),
        ("unet", UNET | {"projection": True}, 48),
        ("rrdb", RRDB, 64),
    ],
    ids=["unet", "dither", "projection", "rrdb"],
)
def test_tiles_equal_the_whole(
    jpeg: QuantizedJpeg,
    family: str,
    config: dict[str, object],
    halo: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = _network(family, **config)
    assert generator.needs.halo == halo
    whole = list(generate(generator, jpeg, samples=3, seed=5))
    small = generator.bytes_per_pixel(4) * 160 * 170
    told: list[float] = []
    # Room for two samples that wait.
    monkeypatch.setattr(
        "jpegx.sampling.generate._WAITING_BYTES", 2 * 2 * jpeg.layout.channels * 197 * 203
    )
    drawn = generate(generator, jpeg, samples=3, seed=5, memory=small, progress=told.append)
    tiled = list(drawn)
    assert len(whole) == len(tiled) == 3
    assert told == sorted(set(told))
    assert told[0] <= 1 / 4
    assert told[-1] == 1
    assert not torch.equal(whole[0], whole[1])
    for one, other in zip(whole, tiled, strict=True):
        assert one.shape == (jpeg.layout.channels, 203, 197)
        # Tiles wait as multiples of 1/128 gray level; the rest is the rounding of the convolutions.
        torch.testing.assert_close(one, other, atol=1 / 256 + 1e-3, rtol=0)


def test_gray_is_the_mean_of_the_channels(make_jpeg: MakeJpeg) -> None:
    jpeg = read_jpeg(make_jpeg("gray.jpg", size=(40, 24), mode="L"))
    generator = _network("unet", **UNET)
    (image,) = generate(generator, jpeg, samples=1, seed=5)
    channels = 255 * generator([JpegBatch.of_file(jpeg)], CounterNoise(5))[0].detach()
    assert not torch.allclose(channels[0], channels[1], atol=1)
    torch.testing.assert_close(image, channels.mean(dim=0, keepdim=True), atol=1e-3, rtol=0)


def test_numbers_that_are_none_are_told(make_jpeg: MakeJpeg) -> None:
    generator = _network("unet", **UNET)
    for parameter in generator.parameters():
        parameter.data.fill_(6e4)
    with pytest.raises(JpegxError, match="no picture"):
        list(generate(generator, read_jpeg(make_jpeg("a.jpg")), samples=1, seed=0))


def test_as_many_samples_at_once_as_there_is_memory_for(
    make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg = read_jpeg(make_jpeg("a.jpg", size=(64, 64)))
    generator = _network("unet", **UNET)
    render, counts = generator.render, []

    def counted(encoded: Encoded, noise: Noise, samples: int = 1) -> torch.Tensor:
        counts.append(samples)
        return render(encoded, noise, samples)

    monkeypatch.setattr(generator, "render", counted)
    for room in (3, 1000):
        memory = generator.bytes_per_pixel(4) * 64 * 64 * room
        assert len(list(generate(generator, jpeg, samples=8, seed=0, memory=memory))) == 8
    assert counts == [3, 3, 2, 8]


def test_samples_without_noise_are_the_same_picture(make_jpeg: MakeJpeg) -> None:
    jpeg = read_jpeg(make_jpeg("a.jpg", size=(64, 64)))
    generator = _network("trunk-head", **UNET, head=[1, 1, 1])
    one_by_one = generator.bytes_per_pixel(4) * 64 * 64
    drawn = generate(generator, jpeg, samples=3, seed=0, temperature=0.0, memory=one_by_one)
    first, *others = list(drawn)
    assert all(torch.equal(other, first) for other in others)


def test_tiles_do_not_depend_on_the_memory_there_is(make_jpeg: MakeJpeg) -> None:
    generator = _network("unet", **UNET)
    jpeg = read_jpeg(make_jpeg("a.jpg", size=(90, 70)))
    plenty = next(generate(generator, jpeg, samples=1, seed=5, free=64 << 30))
    enough = next(generate(generator, jpeg, samples=1, seed=5, free=32 << 20))
    assert torch.equal(plenty, enough)
    with pytest.raises(JpegxError, match=r"it takes about \d+ MiB of memory, but 0 MiB are free"):
        next(generate(generator, jpeg, samples=1, seed=5, free=1 << 10))


def test_the_halo_is_the_receptive_field() -> None:
    generator = _network(
        "unet", widths=[4, 4, 4], encoder=[1, 1, 1], decoder=[1, 1, 1], embedding=4
    )
    reach, size = generator.needs.halo, 8
    assert reach % generator.needs.multiple == 0
    side = 2 * reach + 3 * size
    decoded = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    generator.double()
    blank = showing(torch.zeros(1, 3, side, side))
    file = replace(blank, _view=_View(blank, lambda _: decoded * 255))
    output = generator([file], ZeroNoise())
    middle = slice(reach + size, reach + 2 * size)
    (gradient,) = torch.autograd.grad((output - decoded)[0, :, middle, middle].sum(), decoded)
    touched = gradient[0].abs().sum(dim=0).nonzero()
    assert int(touched.min()) >= size
    assert int(touched.max()) < side - size
