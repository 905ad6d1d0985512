"""Regions: which pixels, and which units, are meant."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jpegx.errors import PictureMismatch, UnreadablePicture
from jpegx.exploration.selection import Selection, Snap, select, touched
from jpegx.exploration.shapes import (
    BadRegion,
    Ellipse,
    Mask,
    Polygon,
    Rectangle,
    Shape,
    parse_ellipse,
    parse_polygon,
    parse_rectangle,
    read_mask,
)
from jpegx.jpeg.layout import Layout
from layouts import layouts

COLOUR = Layout(50, 38, "ycbcr", ((2, 2), (1, 1), (1, 1)))


def shapes(layout: Layout) -> st.SearchStrategy[Shape]:
    place = st.tuples(
        st.integers(-9, layout.width), st.integers(-9, layout.height), *[st.integers(1, 40)] * 2
    )
    points = st.tuples(st.floats(-9, layout.width + 9), st.floats(-9, layout.height + 9))
    bits = st.integers(0, 2**32 - 1).map(
        lambda seed: np.random.default_rng(seed).random((layout.height, layout.width)) < 0.1
    )
    return st.one_of(
        place.map(lambda p: Rectangle(*p)),
        place.map(lambda p: Ellipse(*p)),
        st.lists(points, min_size=3, max_size=7).map(lambda p: Polygon(tuple(p))),
        bits.map(Mask),
    )


def naive(layout: Layout, shape: Shape) -> np.ndarray:
    """Pixel by pixel."""
    mask = np.zeros((layout.height, layout.width), bool)
    for y, x in np.ndindex(mask.shape):
        if isinstance(shape, Mask):
            mask[y, x] = shape.pixels[y, x]
        elif isinstance(shape, Polygon):
            pairs = zip(shape.points, (*shape.points[1:], shape.points[0]), strict=True)
            for (x0, y0), (x1, y1) in pairs:
                if (y0 > y + 0.5) != (y1 > y + 0.5):
                    mask[y, x] ^= x + 0.5 > x0 + (y + 0.5 - y0) / (y1 - y0) * (x1 - x0)
        else:
            u, v = (x + 0.5 - shape.x) / shape.width, (y + 0.5 - shape.y) / shape.height
            inside = 0 <= u < 1 and 0 <= v < 1
            round_ = (2 * u - 1) ** 2 + (2 * v - 1) ** 2 <= 1
            mask[y, x] = inside and (round_ or isinstance(shape, Rectangle))
    return mask


@given(st.data(), layouts(largest=40), st.booleans())
def test_a_region_is_the_union_of_its_shapes(
    data: st.DataObject, layout: Layout, invert: bool
) -> None:
    chosen = data.draw(st.lists(shapes(layout), min_size=1, max_size=3))
    expected = np.any([naive(layout, shape) for shape in chosen], axis=0) ^ invert
    if not expected.any():
        with pytest.raises(BadRegion, match="no pixel"):
            select(layout, chosen, invert=invert)
        return
    found = select(layout, chosen, invert=invert)
    assert (found.whole() == expected).all()
    assert found.pixels == expected.sum()
    assert (found.inside(found.box) == found.mask).all()


@given(st.data(), layouts(largest=40), st.sampled_from(("blocks", "units")))
def test_snapped_regions_are_whole_cells(data: st.DataObject, layout: Layout, snap: Snap) -> None:
    shape = data.draw(shapes(layout))
    try:
        region = select(layout, [shape])
    except BadRegion:
        return
    width, height = layout.mcu_size if snap == "units" else (8, 8)
    expected = np.zeros((layout.height, layout.width), bool)
    for y, x in zip(*np.nonzero(region.whole()), strict=True):
        top, left = y // height * height, x // width * width
        expected[top : top + height, left : left + width] = True
    assert (region.snapped(snap).whole() == expected).all()
    units = touched(region)
    assert units.units == touched(region.snapped(snap)).units
    if snap == "units":
        inside = expected[units.box.rows, units.box.columns]
        assert (units.pixel_mask() == inside).all()


@given(st.data(), layouts(largest=30), st.integers(1, 9))
def test_a_ring_is_what_lies_near(data: st.DataObject, layout: Layout, width: int) -> None:
    shape = data.draw(shapes(layout))
    try:
        region = select(layout, [shape])
    except BadRegion:
        return
    mask = region.whole()
    near = np.zeros_like(mask)
    for y, x in zip(*np.nonzero(mask), strict=True):
        near[max(0, y - width) : y + width + 1, max(0, x - width) : x + width + 1] = True
    ring = region.ring(width)
    found = np.zeros_like(mask) if ring is None else ring.whole()
    assert (found == (near & ~mask)).all()


def test_the_whole_picture_is_meant_without_shapes() -> None:
    whole = select(COLOUR, ())
    assert whole.mask.all()
    assert whole.text == "0,0,50x38"
    assert len(touched(whole).units) == 4 * 3
    assert whole.ring(8) is None


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3x0", "1,2,x", "a,b,1x1", "1.5,2,3x4", "9999999,0,1x1", "1,2,3x4x5", "\0"],
)
def test_bad_rectangles(text: str) -> None:
    for parse in (parse_rectangle, parse_ellipse):
        with pytest.raises(BadRegion):
            parse(text)


@pytest.mark.parametrize("text", ["", "1,1 2,2", "1,1 2,2 nan,3", "1,1 2,2 1e300,3", "1 2 3", "x"])
def test_bad_polygons(text: str) -> None:
    with pytest.raises(BadRegion):
        parse_polygon(text)


def test_masks(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(path)
    assert read_mask(path, (4, 1)).pixels.tolist() == [[False, False, True, True]]
    with pytest.raises(PictureMismatch, match="4x1"):
        read_mask(path, (4, 2))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UnreadablePicture):
        read_mask(path, (4, 1))
    with pytest.raises(UnreadablePicture):
        read_mask(tmp_path, (4, 1))


def test_a_black_mask_holds_nothing() -> None:
    with pytest.raises(BadRegion):
        select(COLOUR, [Mask(np.zeros((38, 50), bool))])


def test_regions_are_told_in_few_words() -> None:
    assert select(COLOUR, [Rectangle(3, 4, 5, 6)]).text == "3,4,5x6"
    assert select(COLOUR, [Rectangle(45, 4, 50, 1)]).text == "45,4,5x1"
    corners = [Rectangle(0, 0, 1, 1), Rectangle(9, 9, 1, 1)]
    assert select(COLOUR, corners).text == "2 pixels in 0,0,10x10"
    assert isinstance(select(COLOUR, corners), Selection)
