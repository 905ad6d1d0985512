"""Exact pictures put together unit by unit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jpegx.consistency.recompress import recompress
from jpegx.errors import PictureMismatch
from jpegx.exploration.patch import Finisher, exact_picture
from jpegx.exploration.selection import select, touched
from jpegx.exploration.shapes import Mask, Rectangle
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.sampling.laplace import laplace
from known_sources import file_of, files


@settings(max_examples=12)
@given(st.data(), files(largest=30, least=6))
def test_units_of_exact_pictures_mix(
    data: st.DataObject, given_: tuple[QuantizedJpeg, np.ndarray]
) -> None:
    jpeg, source = given_
    start = exact_picture(jpeg)
    seed = data.draw(st.integers(0, 99))
    bits = np.random.default_rng(seed).random(source.shape[:2]) < 0.01
    bits[0, 0] = True
    region = select(jpeg.layout, [Mask(bits)])
    units = touched(region)
    patch = Finisher(jpeg, units).cut(source)
    assert patch.exact
    mixed = patch.onto(start.pixels)
    outside = np.ones(source.shape[:2], bool)
    outside[units.box.rows, units.box.columns] = ~units.pixel_mask()
    assert (mixed[outside] == start.pixels[outside]).all()
    assert (mixed[~outside] == source[~outside]).all()
    again = recompress(jpeg, mixed)
    if start.exact:
        assert not any(again.different)
    else:
        assert sum(again.different) <= start.different


def test_a_box_is_finished_alone() -> None:
    random = np.random.default_rng(0)
    layout = Layout(61, 45, "ycbcr", ((2, 2), (1, 1), (1, 1)))
    source = random.integers(0, 256, (45, 61, 3)).astype(np.uint8)
    jpeg = file_of(source, layout, [np.full((8, 8), 12)] * 3)
    start = exact_picture(jpeg)
    assert start.exact
    assert start.total == sum(grid.size for grid in jpeg.coefficients)
    units = touched(select(layout, [Rectangle(40, 20, 20, 20)]))
    finisher = Finisher(jpeg, units)
    (sample,) = laplace(jpeg, 1, 3)
    patch = finisher.finish(units.box.of(sample))
    assert patch.exact
    assert patch.total < start.total
    mixed = patch.onto(start.pixels)
    assert not any(recompress(jpeg, mixed).different)
    changed = (mixed != start.pixels).any(axis=2)
    assert changed.any()
    assert not changed[:16].any()
    assert not changed[:, :32].any()
    shown = finisher.decoded()
    assert torch.equal(shown, units.box.of(Finisher(jpeg, touched(select(layout, ()))).decoded()))


def test_what_is_not_exact_is_counted() -> None:
    layout = Layout(16, 16, "gray", ((1, 1),))
    source = np.zeros((16, 16, 1), np.uint8)
    jpeg = file_of(source, layout, [np.full((8, 8), 4)])
    units = touched(select(layout, [Rectangle(0, 0, 1, 1)]))
    other = source.copy()
    other[:, 8:] = 255  # outside of the unit
    assert Finisher(jpeg, units).cut(other).exact
    other[0, 0] = 255
    patch = Finisher(jpeg, units).cut(other)
    assert 0 < patch.different == patch.causes.total <= patch.total == 64
    with pytest.raises(PictureMismatch):
        Finisher(jpeg, units).judge(other)
