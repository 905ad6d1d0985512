"""Places: unit variance at every position, the same in parts, uniform, correlated as asked."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jpegx.models.noise import CounterNoise, RandomNoise, numbered
from jpegx.models.places import BANDS, OCTAVES, PLACES, draw_octaves, mix_octaves

pytestmark = pytest.mark.usefixtures("one_thread")
FIELDS = numbered(PLACES)


def octaves(rows: int, columns: int, origin: tuple[int, int], samples: int = 1) -> torch.Tensor:
    like = torch.empty(samples, 1, rows, columns)
    return draw_octaves(CounterNoise(5), FIELDS, like, origin, samples)


def energies(band: int | None, rows: int, columns: int) -> torch.Tensor:
    """All of one band, or alike in all."""
    shares = torch.full((1, 3, BANDS, rows, columns), 1 / BANDS)
    if band is not None:
        shares = torch.zeros_like(shares)
        shares[:, :, band] = 1
    return shares


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 20), st.integers(1, 20), st.data())
@settings(max_examples=30, deadline=None)
def test_a_part_has_the_numbers_of_the_whole(
    top: int, left: int, rows: int, columns: int, data: st.DataObject
) -> None:
    whole = octaves(rows, columns, (8 * top, 8 * left))
    down, across = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    part = octaves(rows - down, columns - across, (8 * (top + down), 8 * (left + across)))
    torch.testing.assert_close(part, whole[..., down:, across:], rtol=0, atol=1e-5)


def test_variance_is_one_at_every_position() -> None:
    like = torch.empty(4000, 1, 9, 7)
    drawn = draw_octaves(RandomNoise(torch.Generator().manual_seed(1)), FIELDS, like, (40, 24), 1)
    variance = drawn.square().mean(dim=0)
    # 4000 samples tell a variance within 2 % (one sigma); 5 sigma over all positions.
    assert (variance - 1).abs().max() < 0.12


def test_places_are_uniform_whatever_the_energies() -> None:
    drawn = octaves(64, 64, (0, 0), 24)
    places = mix_octaves(drawn, energies(0, 64, 64))
    counts = torch.histc(places, 10, -0.5, 0.5) / places.numel()
    assert (counts - 0.1).abs().max() < 0.002
    assert places.abs().max() <= 0.5
    mixed = mix_octaves(drawn, energies(None, 64, 64))
    assert abs(float(mixed.square().mean()) * 12 - 1) < 0.2  # long octaves: few independent numbers


def test_longer_bands_go_together_over_longer_distances() -> None:
    drawn = octaves(96, 96, (0, 0), 8)
    steps = []
    for band in range(BANDS):
        places = mix_octaves(drawn, energies(band, 96, 96))
        steps.append(float((places[..., 1:] - places[..., :-1]).square().mean()))
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == pytest.approx(2 / 12, rel=0.05)  # independent neighbours
    assert steps[-1] < 0.002


def test_components_and_octaves_are_independent() -> None:
    drawn = octaves(48, 48, (0, 0), 16).transpose(0, 2).flatten(1)
    assert len(drawn) == len(OCTAVES)
    correlations = torch.corrcoef(drawn[:4])  # the longest have too few nodes to tell
    assert (correlations - torch.eye(4)).abs().max() < 0.1
