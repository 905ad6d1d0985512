"""Components enlarged by their DCT, and blocks joined to larger ones."""

from math import cos, pi

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.layout import Layout
from jpegx.jpeg.resized_dct import box_mean_gain, enlarge, join_blocks
from jpegx.jpeg.transform import encode_dct

REDUCTIONS = ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4), (3, 1))


def values(rows: int, columns: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randn(2, rows, columns, 8, 8, generator=random, dtype=torch.float64) * 40


def blocks_of(planes: Tensor) -> Tensor:
    """The DCT of the 8x8 blocks of planes (N, h, w)."""
    layout = Layout(planes.shape[2], planes.shape[1], "gray", ((1, 1),))
    return encode_dct(planes[:, None] + 128, layout)[0]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_means_of_an_enlarged_component_are_the_component(reduction: tuple[int, int]) -> None:
    given = values(2, 3)
    plane = enlarge(given, reduction)
    across, down = reduction
    assert plane.shape == (2, 16 * down, 24 * across)
    means = F.avg_pool2d(plane[:, None], (down, across))[:, 0]
    torch.testing.assert_close(blocks_of(means), given, atol=1e-10, rtol=0)


def test_as_published_high_frequencies_shrink() -> None:
    given = values(1, 1)
    means = F.avg_pool2d(enlarge(given, (2, 2), compensate=False)[:, None], 2)[:, 0]
    left = blocks_of(means) / given
    assert left[0, 0, 0, 7, 0].item() == pytest.approx(cos(7 * pi / 32))
    assert left[1, 0, 0, 7, 7].item() == pytest.approx(cos(7 * pi / 32) ** 2)
    assert left[0, 0, 0, 0, 0].item() == pytest.approx(1)
    assert box_mean_gain(2)[7] == pytest.approx(0.773, abs=1e-3)
    assert max(1 / gain for r in range(1, 5) for gain in box_mean_gain(r)) < 1.9**0.5


@pytest.mark.parametrize("many", [(1, 1), (2, 1), (2, 2), (4, 2)])
def test_joined_blocks_are_the_low_frequencies_of_the_larger_block(many: tuple[int, int]) -> None:
    across, down = many
    given = values(down, 2 * across)
    joined = join_blocks(given, many)
    assert joined.shape == (2, 1, 2, 16, 16)
    plane = enlarge(given, (1, 1))
    for frequency in ((0, 0), (3, 5), (min(15, 8 * down - 1), min(15, 8 * across - 1)), (15, 15)):
        waves = []
        for k, size in zip(frequency, (8 * down, 8 * across), strict=True):
            sample = torch.arange(size, dtype=torch.float64)
            wave = torch.cos((2 * sample + 1) * k * pi / (2 * size))
            waves.append(wave / wave.norm() if k < size else 0 * wave)
        for column in range(2):
            block = plane[:, :, 8 * across * column : 8 * across * (column + 1)]
            wanted = torch.einsum("nyx,y,x->n", block, *waves)
            torch.testing.assert_close(joined[:, 0, column, *frequency], wanted)
