"""Laplace samples, what libjpeg shows, means and deviations."""

from math import inf, log
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import MakeJpeg
from jpegx.consistency.measure import consistency_rmse
from jpegx.errors import UnsupportedJpeg
from jpegx.jpeg import transform
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.layout import Layout
from jpegx.sampling.decoding import decode
from jpegx.sampling.finishing import Picture
from jpegx.sampling.laplace import decays, draw, laplace
from jpegx.sampling.running_moments import Moments
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import SamplerSpec


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rate", [0.05, 0.5, 2.0])
def test_decay_is_found_again(rate: float) -> None:
    laws = torch.distributions.Laplace(0.0, 1 / rate)
    torch.manual_seed(0)
    assert decays(laws.sample((1, 200_000)).round().int()) == pytest.approx([rate], rel=0.02)


def test_decay_maximises_the_likelihood() -> None:
    quantized = torch.tensor([0] * 50 + [1] * 9 + [-1] * 8 + [2, -2, 3, 5])
    zeros, size = int((quantized == 0).sum()), quantized.abs().numpy()

    def likelihood(rate: float) -> float:
        inside = log(1 - np.exp(-rate / 2))
        others = np.log((np.exp(-rate * (size - 0.5)) - np.exp(-rate * (size + 0.5))) / 2)
        return zeros * inside + float(others[size > 0].sum())

    (best,) = decays(quantized[None])
    assert likelihood(best) > max(likelihood(best * 0.99), likelihood(best * 1.01))


def test_decay_of_zeros_is_infinite() -> None:
    zeros = torch.zeros(1, 10, dtype=torch.int16)
    assert decays(zeros) == [inf]
    assert torch.equal(draw(zeros, [inf], seeded()), zeros.float())


def test_decay_of_the_widest_integers() -> None:
    row = np.full((3, 64), -32768, np.int16)
    row[1:] = 32767
    assert decays(torch.tensor(row)) == pytest.approx([1 / 32768] * 3, rel=1e-4)


def test_rows_are_drawn_one_after_the_other() -> None:
    quantized = torch.tensor([[0, 1, -3] * 50, [0] * 150, [2, 0, 0] * 50], dtype=torch.int16)
    rates = [0.4, inf, 3.0]
    one = seeded()
    each = [draw(row[None], [rate], one) for row, rate in zip(quantized, rates, strict=True)]
    assert torch.equal(draw(quantized, rates, seeded()), torch.cat(each))


@given(st.integers(-50, 50), st.sampled_from([1e-6, 0.01, 0.3, 3.0, 60.0]))
def test_draws_stay_in_their_cell(quantized: int, rate: float) -> None:
    drawn = draw(torch.full((1, 1000), quantized), [rate], seeded())
    assert (drawn - quantized).abs().max() <= 0.5


@pytest.mark.parametrize("rate", [1e-6, 0.3, 3.0])
@pytest.mark.parametrize("quantized", [0, 2, -1])
def test_draws_follow_the_law(rate: float, quantized: int) -> None:
    drawn = draw(torch.full((1, 200_000), quantized), [rate], seeded())
    x = np.linspace(quantized - 0.5, quantized + 0.5, 20_001)
    density = np.exp(-rate * np.abs(x))
    mean = (x * density).sum() / density.sum()
    spread = np.sqrt(((x - mean) ** 2 * density).sum() / density.sum())
    assert drawn.mean().item() == pytest.approx(mean, abs=0.004)
    assert drawn.std().item() == pytest.approx(spread, rel=0.02)


def test_sample_depends_on_seed_and_number_alone(example: Path) -> None:
    jpeg = read_jpeg(example)
    four = list(laplace(jpeg, 4, 7))
    two = list(laplace(jpeg, 2, 7))
    assert torch.equal(four[1], two[1])
    assert not torch.equal(four[0], four[1])
    assert not torch.equal(four[0], next(laplace(jpeg, 1, 8)))


def test_each_frequency_is_drawn_from_its_own_law() -> None:
    layout = Layout(512, 512, "ycbcr", ((1, 1),) * 3)
    random = np.random.default_rng(0)
    given = [np.zeros((64, 64, 8, 8), np.int16) for _ in range(3)]
    # Of each component two frequencies, wide and narrow in different order.
    frequencies = (1, 2), (5, 3)
    for c, widths in enumerate(((20, 1), (1, 6), (3, 0.7))):
        for place, width in zip(frequencies, widths, strict=True):
            given[c][:, :, *place] = random.laplace(0, width, (64, 64)).round()
    steps = tuple(np.full((8, 8), 2, np.int32) for _ in range(3))
    jpeg = QuantizedJpeg(layout, tuple(given), steps, "baseline")
    drawn = transform.encode_dct(next(laplace(jpeg, 1, 0))[None], layout)
    beyond = []
    for values, quantized in zip(drawn, given, strict=True):
        for place in frequencies:
            exact, file = values[0][..., *place] / 2, torch.tensor(quantized[..., *place])
            (rate,) = decays(file.view(1, -1))
            inside = (exact.abs() - file.abs() + 0.5)[file != 0]
            wanted = 1 / rate - 1 / (np.exp(rate) - 1)  # the mean of the law cut to 0 to 1
            assert abs(inside.mean() - wanted) < 4 * 0.29 / len(inside) ** 0.5
        beyond.append(values[0][..., 0, 0].flatten())
        assert beyond[-1].abs().max() < 1e-2  # a frequency that is always 0
    places = [
        (v[0][..., 1, 2] / 2 - torch.tensor(q[..., 1, 2]))
        for v, q in zip(drawn, given, strict=True)
    ]
    both = (given[0][..., 1, 2] > 0) & (given[1][..., 1, 2] > 0)
    first, second = (place[torch.tensor(both)] for place in places[:2])
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 5 / len(first) ** 0.5


def test_the_smallest_integer_has_an_absolute_value() -> None:
    lowest = np.zeros((1, 1, 8, 8), np.int16)
    lowest[..., 0, 0] = -32768
    layout = Layout(8, 8, "gray", ((1, 1),))
    jpeg = QuantizedJpeg(layout, (lowest,), (np.ones((8, 8), np.int32),), "baseline")
    (value,) = transform.encode_dct(next(laplace(jpeg, 1, 0))[None], layout)
    assert abs(value[0, 0, 0, 0, 0] + 32768) < 1


def pictures(
    jpeg: QuantizedJpeg, model: str, samples: int = 1, *, project: bool = True
) -> list[Picture]:
    sampler = open_sampler(SamplerSpec(model))
    decoded = decode(
        jpeg, sampler, samples=samples, seed=0, project=project, mean=False, std_map=False
    )
    return list(decoded.pictures)


@pytest.mark.parametrize("sampling", [0, 1, 2])
def test_standard_is_what_libjpeg_shows(make_jpeg: MakeJpeg, sampling: int) -> None:
    path = make_jpeg("a.jpg", size=(45, 31), subsampling=sampling, progressive=sampling == 1)
    shown = pictures(read_jpeg(path), "standard", project=False)[0].pixels
    assert np.array_equal(shown, np.asarray(Image.open(path)))


def test_standard_gray_and_rgb(make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    gray = make_jpeg("g.jpg", mode="L")
    shown = pictures(read_jpeg(gray), "standard", project=False)[0].pixels
    assert np.array_equal(shown[..., 0], np.asarray(Image.open(gray)))
    rgb = tmp_path / "rgb.jpg"
    Image.open(make_jpeg("c.jpg")).save(rgb, keep_rgb=True)
    jpeg = read_jpeg(rgb)
    assert jpeg.layout.color_space == "rgb"
    shown = pictures(jpeg, "standard", project=False)[0].pixels
    assert np.array_equal(shown, np.asarray(Image.open(rgb)))
    assert pictures(jpeg, "laplace")[0].different == 0


def test_mean_and_deviation(example: Path) -> None:
    decoded = decode(
        read_jpeg(example),
        open_sampler(SamplerSpec("laplace")),
        samples=3,
        seed=0,
        project=True,
        mean=True,
        std_map=True,
    )
    *samples, mean = decoded.pictures
    stack = np.stack([p.pixels for p in samples]).astype(float)
    assert np.allclose(decoded.std_map(), stack.std(axis=0).mean(axis=2), atol=1e-3)
    assert mean.kind == "mean"
    assert mean.different == 0
    assert np.abs(mean.pixels - stack.mean(axis=0)).mean() < 1


def test_moments() -> None:
    moments = Moments()
    with pytest.raises(ValueError, match="no picture"):
        moments.mean()
    values = torch.tensor([[1.0, 5.0], [3.0, 5.0], [8.0, 5.0]])
    for value in values:
        moments.add(value)
    assert torch.allclose(moments.mean(), values.mean(dim=0))
    assert torch.allclose(moments.std(), values.std(dim=0, correction=0))


def test_unprojected_pictures_say_how_inconsistent_they_are(example: Path) -> None:
    picture = pictures(read_jpeg(example), "laplace", project=False)[0]
    assert picture.different > 0
    assert picture.consistency_rmse > 0
    assert picture.rmse_added is None


def test_consistency_of_a_constant_shift() -> None:
    layout = Layout(16, 16, "gray", ((1, 1),))
    steps = [torch.full((8, 8), 16)]
    one, other = torch.zeros(2, 2, 8, 8), torch.zeros(2, 2, 8, 8)
    other[..., 0, 0] = 1  # 16 / 8 = 2 gray levels everywhere
    assert consistency_rmse([one], [one.clone()], steps, layout) == 0
    assert consistency_rmse([one], [other], steps, layout) == pytest.approx(2)


def test_fractional_sampling_is_refused() -> None:
    layout = Layout(24, 8, "ycbcr", ((3, 1), (2, 1), (1, 1)))
    grids = tuple(np.zeros((*layout.blocks(c), 8, 8), np.int16) for c in range(3))
    jpeg = QuantizedJpeg(layout, grids, (np.ones((8, 8), np.int32),) * 3, "baseline")
    with pytest.raises(UnsupportedJpeg, match="fractional"):
        pictures(jpeg, "laplace")


def test_projected_pictures_that_cannot_be_exact_say_how_far_they_are() -> None:
    layout = Layout(32, 16, "ycbcr", ((2, 2), (1, 1), (1, 1)))
    random = np.random.default_rng(0)
    shapes = [(*layout.blocks(c), 8, 8) for c in range(3)]
    grids = tuple(random.integers(-40, 41, shape).astype(np.int16) for shape in shapes)
    jpeg = QuantizedJpeg(layout, grids, (np.full((8, 8), 20, np.int32),) * 3, "baseline")
    (picture,) = pictures(jpeg, "laplace", project=True)
    assert picture.different > 100
    assert picture.consistency_rmse > 10


@pytest.mark.parametrize("factors", [((2, 2), (1, 1), (1, 1)), ((1, 4), (1, 1), (1, 2))])
def test_strips_of_a_large_picture_do_not_show(
    monkeypatch: pytest.MonkeyPatch, factors: tuple[tuple[int, int], ...]
) -> None:
    layout = Layout(37, 111, "ycbcr", factors)
    random = np.random.default_rng(0)
    grids = tuple(random.integers(-9, 10, (*layout.blocks(c), 8, 8), np.int16) for c in range(3))
    jpeg = QuantizedJpeg(layout, grids, (np.full((8, 8), 7, np.int32),) * 3, "baseline")
    whole = next(laplace(jpeg, 1, 0))
    monkeypatch.setattr("jpegx.sampling.laplace._STRIP_PIXELS", 1)
    # To rounding: sums over other numbers of pixels are made in another order.
    assert (next(laplace(jpeg, 1, 0)) - whole).abs().max() < 1e-3
