"""The integer model is libjpeg's encoder, bit for bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jpegx.jpeg import libjpeg_arrays
from jpegx.jpeg.color import to_gray
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_model import encode, quantize, scaled_coefficients
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from layouts import FACTORS, layouts, pictures, tables


def same_as_libjpeg(pixels: np.ndarray, layout: Layout, steps: list[np.ndarray]) -> bool:
    ours = encode(
        torch.tensor(pixels).permute(2, 0, 1)[None], layout, [torch.tensor(t) for t in steps]
    )
    theirs = libjpeg.encode(pixels, layout, tuple(steps))
    return all(np.array_equal(a[0].numpy(), b) for a, b in zip(ours, theirs, strict=True))


@settings(max_examples=80)
@given(st.data())
def test_equal_to_libjpeg(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    pixels = data.draw(pictures(layout))
    assert same_as_libjpeg(pixels, layout, data.draw(tables(layout)))


@pytest.mark.parametrize("factors", FACTORS)
def test_equal_to_libjpeg_on_a_photo(example: Path, factors: tuple[tuple[int, int], ...]) -> None:
    pixels = np.asarray(Image.open(example).convert("RGB"))[3:, 5:]
    layout = Layout(pixels.shape[1], pixels.shape[0], "ycbcr", factors)
    luma, chroma = scaled_tables(95)
    assert same_as_libjpeg(pixels, layout, [luma, chroma, chroma])


@pytest.mark.parametrize("step", [255, 4000, 65535])
def test_large_steps(step: int) -> None:
    pixels = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (40, 40, 1))
    assert same_as_libjpeg(
        pixels, Layout(40, 40, "gray", ((1, 1),)), [np.full((8, 8), step, np.int32)]
    )


def test_images_of_a_batch_have_their_own_tables() -> None:
    layout = Layout(19, 23, "ycbcr", FACTORS[2])
    random = np.random.default_rng(1)
    images = torch.tensor(random.integers(0, 256, (3, 3, 23, 19), dtype=np.uint8))
    steps = [torch.tensor(random.integers(1, 50, (3, 8, 8))) for _ in range(3)]
    together = encode(images, layout, steps)
    for n in range(3):
        alone = encode(images[n : n + 1], layout, [t[n] for t in steps])
        assert all(torch.equal(a[n], b[0]) for a, b in zip(together, alone, strict=True))


@given(st.integers(-20000, 20000), st.integers(1, 65535))
def test_quantizer_rounds_half_away_from_zero(scaled: int, step: int) -> None:
    quotient = (abs(scaled) + 4 * step) // (8 * step)
    expected = -quotient if scaled < 0 else quotient
    assert quantize(torch.tensor([float(scaled)]), torch.tensor([step])).item() == expected


@settings(max_examples=80)
@given(st.data())
def test_arrays_hold_the_same_integers(data: st.DataObject) -> None:
    layout = data.draw(layouts())
    pixels = data.draw(pictures(layout))
    if layout.channels == 1 and data.draw(st.booleans()):  # libjpeg makes RGB gray
        pixels = data.draw(pictures(Layout(layout.width, layout.height, "rgb", ((1, 1),) * 3)))
    image = torch.tensor(pixels).permute(2, 0, 1)[None]
    if layout.channels == 1 and len(image[0]) == 3:
        image = to_gray(image)
    model = scaled_coefficients(image, layout)
    for ours, theirs in zip(libjpeg_arrays.scaled_coefficients(pixels, layout), model, strict=True):
        assert np.array_equal(ours, theirs[0].numpy())
