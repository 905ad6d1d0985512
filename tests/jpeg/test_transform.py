"""The real-valued forward model, and its regions."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jpegx.jpeg.component_map import pixel_order
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_model import scaled_coefficients
from jpegx.jpeg.mcu import regions
from jpegx.jpeg.transform import (
    decode_dct,
    dequantize,
    encode_dct,
    normalize,
    planes,
    round_straight_through,
)
from layouts import layouts, pictures

YCBCR = ((1, 1), (1, 1), (1, 1))
HALVED = ((2, 2), (1, 1), (1, 1))


@settings(max_examples=40)
@given(st.data())
def test_close_to_the_integer_model(data: st.DataObject) -> None:
    layout = data.draw(layouts(50))
    image = torch.tensor(data.draw(pictures(layout))).permute(2, 0, 1)[None]
    real = encode_dct(image.double(), layout)
    for ours, whole in zip(real, scaled_coefficients(image, layout), strict=True):
        # Rounding of components and of down-sampled chroma: 1 a sample at most, so 8 a coefficient.
        assert (ours - whole / 8).abs().max() < 8.2


def test_constant_image() -> None:
    values = encode_dct(torch.full((1, 3, 20, 20), 200.0), Layout(20, 20, "ycbcr", HALVED))
    assert torch.allclose(values[0][..., 0, 0], torch.tensor(8 * 72.0), atol=1e-3)
    assert values[0].flatten(-2)[..., 1:].abs().max() < 1e-3
    assert max(v.abs().max() for v in values[1:]) < 1e-3


def test_inverse_without_down_sampling() -> None:
    layout = Layout(21, 13, "ycbcr", YCBCR)
    image = torch.rand(2, 3, 13, 21, dtype=torch.float64) * 255
    assert torch.allclose(decode_dct(encode_dct(image, layout), layout), image)


def test_inverse_keeps_smooth_colour() -> None:
    layout = Layout(64, 48, "ycbcr", HALVED)
    x = torch.linspace(0, 1, 64).expand(48, 64)
    y = torch.linspace(0, 1, 48)[:, None].expand(48, 64)
    image = torch.stack((80 + 90 * x, 200 - 90 * y, 60 + 60 * x * y))[None]
    assert (decode_dct(encode_dct(image, layout), layout) - image).abs().max() < 1.5


def test_up_sampling_is_centred() -> None:
    # A chroma ramp must not shift: fancy up-sampling puts samples between the pixels.
    layout = Layout(64, 16, "ycbcr", ((2, 1), (1, 1), (1, 1)))
    ramp = torch.arange(64.0).expand(16, 64)
    image = torch.stack((ramp * 2, ramp * 2 + 20, ramp * 3))[None]
    difference = (decode_dct(encode_dct(image, layout), layout) - image)[..., 2:-2]
    assert difference.abs().max() < 1e-2


def test_planes_are_the_component_samples() -> None:
    layout = Layout(16, 8, "gray", ((1, 1),))
    image = torch.rand(1, 1, 8, 16) * 255
    assert torch.allclose(planes(encode_dct(image, layout))[0] + 128, image[:, 0], atol=1e-3)


def test_tables_of_a_batch() -> None:
    values = [torch.ones(2, 3, 4, 8, 8)]
    steps = [torch.stack((torch.full((8, 8), 2.0), torch.full((8, 8), 4.0)))]
    assert normalize(values, steps)[0][:, 0, 0, 0, 0].tolist() == [0.5, 0.25]
    assert dequantize(normalize(values, steps), steps)[0].equal(values[0])


def test_gradient_through_rounding_is_the_identity() -> None:
    layout = Layout(24, 24, "ycbcr", HALVED)
    image = (torch.rand(1, 3, 24, 24, dtype=torch.float64) * 255).requires_grad_()
    steps = [torch.full((8, 8), 10.0)] * 3

    def loss(rounding: bool) -> torch.Tensor:
        values = normalize(encode_dct(image, layout), steps)
        if rounding:
            values = [round_straight_through(v) for v in values]
            assert all(torch.equal(v, v.round()) for v in values)
        return decode_dct(dequantize(values, steps), layout).sum()

    rounded, plain = (torch.autograd.grad(loss(r), image)[0] for r in (True, False))
    assert rounded.abs().max() > 0
    assert torch.allclose(rounded, plain)


@settings(max_examples=40)
@given(layouts())
def test_regions_hold_every_pixel_once(layout: Layout) -> None:
    shape = (layout.channels, layout.height, layout.width)
    image = torch.arange(layout.channels * layout.height * layout.width).view(shape)
    back = torch.full(shape, -1)
    units = 0
    for region in regions(layout):
        parts = [part.gather(image[None]) for part in region.strips(3)]
        index = torch.arange(region.units).flip(0)
        region.put(index, torch.cat(parts).flip(0), back)
        units += region.units
    assert torch.equal(back, image)
    for region in regions(layout):
        region.put_all(region.gather(image[None]), back[None].zero_())
        box = region.gather(back[None])
        assert torch.equal(box, region.gather(image[None]))
        order = pixel_order(layout.max_factors, region.height, region.width, image.device)
        (left,) = region.gather(torch.arange(image[0].numel()).view(1, 1, *image.shape[1:]))[:1]
        inside = left[0] - left[0].min()
        inside = inside // image.shape[2] * region.width + inside % image.shape[2]
        assert order is None or torch.equal(inside, order)
    rows, columns = layout.mcu_grid
    assert units == rows * columns
