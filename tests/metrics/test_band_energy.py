"""Amplitudes of bands: waves whose period and colour are known."""

import pytest
import torch
from torch import Tensor

from jpegx.jpeg.color import to_pixels
from jpegx.jpeg.layout import Layout
from jpegx.metrics.band_energy import BANDS, band_amplitudes, relative_amplitudes

SIZE = 128


def wave(component: int, period: float, amplitude: float = 10.0) -> Tensor:
    """A picture with one wave in one of Y, Cb, Cr."""
    x = torch.arange(SIZE).float()
    planes = torch.zeros(1, 3, SIZE, SIZE)
    planes[0, component] = amplitude * torch.sin(2 * torch.pi * (x + 0.3) / period)
    return to_pixels(planes, Layout(SIZE, SIZE, "ycbcr", ((1, 1),) * 3))[0]


@pytest.mark.parametrize("component", [0, 1, 2])
@pytest.mark.parametrize(
    ("period", "band"), [(3, "fine"), (5, "fine"), (13, "middle"), (20, "middle")]
)
def test_a_wave_is_in_its_band_and_component(component: int, period: float, band: str) -> None:
    found = band_amplitudes(wave(component, period))
    name = f"{band} {('Y', 'Cb', 'Cr')[component]}"
    assert max(found, key=lambda key: found[key]) == name
    assert found[name] == pytest.approx(10 / 2**0.5, rel=0.3)  # the root mean square of a sine
    for key, value in found.items():
        if not key.endswith(name.split()[1]):
            assert value == pytest.approx(0, abs=1e-3)


def test_a_slow_wave_is_in_no_band() -> None:
    assert max(band_amplitudes(wave(1, 128.0)).values()) < 0.1 * 10 / 2**0.5


def test_twice_the_amplitude_is_twice() -> None:
    original = band_amplitudes(wave(1, 5))
    found = relative_amplitudes(band_amplitudes(wave(1, 5, 20.0)), original)
    assert found["fine Cb"] == pytest.approx(2, rel=1e-3)
    assert found["middle Cr"] == pytest.approx(1)  # nothing, as in the original
    assert relative_amplitudes(original, original) == pytest.approx(dict.fromkeys(original, 1.0))


def test_gray_pictures_have_luma_only() -> None:
    image = wave(0, 5)[:1]
    found = band_amplitudes(image)
    assert list(found) == [f"{band} Y" for band in BANDS]
    assert found["fine Y"] == pytest.approx(band_amplitudes(wave(0, 5))["fine Y"], rel=1e-4)
