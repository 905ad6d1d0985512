"""Calibration: of samples whose law is known, and against brute force."""

import json
from itertools import product
from math import isnan, pi, sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from jpegx.metrics.calibration import BANDS, Calibration, CalibrationResult
from jpegx.metrics.crps import crps
from jpegx.metrics.tally import Tally, rank_counts

SHAPE = (3, 64, 80)


def levels(spread: float, seed: int, *shape: int) -> Tensor:
    """Whole gray levels of a Gaussian around 128: bytes, which tie often."""
    random = torch.Generator().manual_seed(seed)
    return (128 + spread * torch.randn(*shape, generator=random)).round().clamp(0, 255)


def calibrated(samples: Tensor, original: Tensor) -> CalibrationResult:
    calibration = Calibration(len(samples))
    calibration.add(samples, original)
    return calibration.result()


def test_samples_of_the_true_law_are_flat() -> None:
    result = calibrated(levels(4, 0, 9, *SHAPE), levels(4, 1, *SHAPE))
    for band in (result.pixels, *result.bands.values()):
        error = sqrt(0.1 * 0.9 / band.values)
        assert np.array(band.ranks) == pytest.approx(0.1, abs=5 * error)
        assert sum(band.ranks) == pytest.approx(1)
        assert band.spread_skill == pytest.approx(1, abs=4 / sqrt(band.values))
        for percent, coverage in band.coverage.items():
            assert coverage.expected == pytest.approx(min(percent / 100, 0.8))
            assert coverage.observed == pytest.approx(coverage.expected, abs=5 * error * 2)
    # The score of a Gaussian for itself is its deviation / sqrt(pi); rounding adds 1/12 to it.
    assert result.pixels.crps == pytest.approx(sqrt((16 + 1 / 12) / pi), rel=0.02)


def test_means_of_squares_by_numpy() -> None:
    samples, original = levels(20, 0, 3, 3, 70, 45), levels(20, 1, 3, 70, 45)
    found = calibrated(samples, original).means
    assert list(found) == [f"{c} {side}" for c in ("Y", "Cb", "Cr") for side in (8, 32)]
    luma = np.array([0.299, 0.587, 0.114])
    blue, red = ([0, 0, 1] - luma) / 1.772, ([1, 0, 0] - luma) / 1.402
    weights = np.stack([luma, blue, red])
    drawn = np.einsum("kc,nchw->knhw", weights, torch.cat([samples, original[None]]).double())
    for index, component in enumerate(("Y", "Cb", "Cr")):
        for side in (8, 32):
            rows, columns = 70 // side, 45 // side
            whole = drawn[index, :, : rows * side, : columns * side]
            means = whole.reshape(4, rows, side, columns, side).mean(axis=(2, 4)).reshape(4, -1)
            band, error = found[f"{component} {side}"], means[:3].mean(0) - means[3]
            spread = (4 / 3 * means[:3].var(0, ddof=1).sum()) ** 0.5
            assert band.values == rows * columns
            assert band.spread_skill == pytest.approx(spread / np.linalg.norm(error), rel=1e-3)
            score = float(crps(torch.tensor(means[:3]), torch.tensor(means[3])))
            assert band.crps == pytest.approx(score, rel=1e-3)


def test_a_tint_that_samples_share_shows_in_means_alone() -> None:
    original = levels(10, 0, 3, 128, 128)
    tint = torch.tensor([0, 0, 4])[:, None, None]
    samples = original + levels(10, 1, 5, 3, 128, 128) - 128 + tint
    found = calibrated(samples, original)
    assert found.pixels.spread_skill > 0.8
    assert found.means["Cb 128"].spread_skill < 0.2
    assert found.means["Cr 128"].spread_skill < 0.5


def test_samples_too_much_alike_are_told() -> None:
    count = 6
    result = calibrated(levels(2, 0, count, *SHAPE), levels(8, 1, *SHAPE)).pixels
    assert min(result.ranks[0], result.ranks[-1]) > 2 * max(result.ranks[1:-1])
    expected = sqrt((1 + 1 / count) * 4 / (64 + 4 / count))
    assert result.spread_skill == pytest.approx(expected, rel=0.05)
    assert result.coverage[50].observed < 0.3


def test_originals_outside_all_samples_are_never_covered() -> None:
    samples = torch.arange(100, 108).view(8, 1, 1, 1).expand(-1, 3, 16, 16)
    result = calibrated(samples, torch.full((3, 16, 16), 200)).pixels
    assert result.ranks == (0,) * 8 + (1,)
    assert [c.observed for c in result.coverage.values()] == [0, 0, 0]
    assert [c.expected for c in result.coverage.values()] == [0.5, 7 / 9, 7 / 9]


def test_ties_count_at_all_ranks_that_they_could_have() -> None:
    random = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 4, (5, 200), generator=random)
    original = torch.randint(0, 4, (200,), generator=random)
    expected = np.zeros(6)
    for drawn, true in zip(samples.T.tolist(), original.tolist(), strict=True):
        below = sum(value < true for value in drawn)
        places = range(below, below + drawn.count(true) + 1)
        for place in places:
            expected[place] += 1 / len(places)
    assert rank_counts(samples, original).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_crps_by_brute_force(count: int) -> None:
    samples, outcome = levels(9, 0, count, 3, 4).double(), levels(9, 1, 3, 4).double()
    expected = (samples - outcome).abs().mean()
    if count > 1:
        pairs = [(samples[i] - samples[j]).abs().mean() for i, j in product(range(count), repeat=2)]
        expected -= sum(pairs) / (2 * count * (count - 1))
    assert float(crps(samples, outcome)) == pytest.approx(float(expected), rel=1e-5)


def test_crps_does_not_depend_on_the_number_of_samples() -> None:
    outcome = levels(6, 1, 40000)
    scores = [float(crps(levels(6, 2 + count, count, 40000), outcome)) for count in (2, 4, 16)]
    assert scores == pytest.approx([6 / sqrt(pi)] * 3, rel=0.03)


def test_a_wrong_level_is_seen_in_dc_only() -> None:
    shift = 12
    samples = levels(4, 0, 7, *SHAPE) + shift
    result = calibrated(samples.clamp(0, 255), levels(4, 1, *SHAPE))
    assert result.bands["dc"].ranks[0] > 0.9
    for band in ("low", "middle", "high"):
        assert max(result.bands[band].ranks) < 0.2
    blocks = SHAPE[1] * SHAPE[2] // 64
    sizes = {name: band.values // blocks for name, band in result.bands.items()}
    assert list(sizes) == list(BANDS)
    assert sizes == {"dc": 1, "low": 9, "middle": 26, "high": 28}


def test_state_goes_through_json_and_pictures_add_up() -> None:
    whole = Calibration(4)
    states = []
    for seed, size in enumerate([(3, 24, 32), (1, 17, 30), (3, 8, 8)]):
        alone = Calibration(4)
        for calibration in (whole, alone):
            calibration.add(levels(5, seed, 4, *size), levels(5, seed + 10, *size))
        states.append(json.loads(json.dumps(alone.state())))
    merged = Calibration.from_state(states[0])
    for state in states[1:]:
        merged.merge(Calibration.from_state(state))
    found, expected = merged.result(), whole.result()
    assert found.samples == 4
    assert found.pixels.values == 3 * 24 * 32 + 17 * 30 + 3 * 64
    for name in BANDS:
        assert found.bands[name].ranks == pytest.approx(expected.bands[name].ranks)
        assert found.bands[name].crps == pytest.approx(expected.bands[name].crps)
        assert found.bands[name].spread_skill == pytest.approx(expected.bands[name].spread_skill)


def test_one_sample_has_a_score_but_no_spread() -> None:
    result = calibrated(torch.full((1, 1, 8, 8), 90), torch.full((1, 8, 8), 93)).pixels
    assert result.crps == 3
    assert isnan(result.spread_skill)
    assert result.coverage[80].expected == 0


def test_what_does_not_fit_is_refused() -> None:
    calibration = Calibration(3)
    with pytest.raises(ValueError, match="samples"):
        calibration.add(levels(1, 0, 2, 1, 8, 8), levels(1, 0, 1, 8, 8))
    with pytest.raises(ValueError, match="do not add"):
        Tally(2).merge(Tally(3))
    with pytest.raises(ValueError, match="no values"):
        calibration.result()
