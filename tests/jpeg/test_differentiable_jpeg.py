"""JPEG as a layer: what libjpeg does to a picture, with gradients."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import jpegx
from conftest import MakeJpeg
from jpegx import DifferentiableJpeg
from jpegx.errors import JpegxError
from jpegx.jpeg.tables import scaled_tables


def tensor(image: Image.Image) -> torch.Tensor:
    pixels = torch.tensor(np.array(image))
    return (pixels[..., None] if pixels.dim() == 2 else pixels).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(("mode", "sampling"), [("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0)])
def test_it_does_what_libjpeg_does(make_jpeg: MakeJpeg, mode: str, sampling: int) -> None:
    path = make_jpeg("a.jpg", size=(45, 31), mode=mode, subsampling=sampling)
    jpeg = jpegx.read_jpeg(path)
    layer = DifferentiableJpeg.of_file(jpeg)
    with Image.open(path) as shown:
        # What programs show of the file itself, and of what becomes of another picture.
        own = layer.decode([torch.tensor(grid)[None] for grid in jpeg.coefficients], 31, 45)
        assert (own * 255 - tensor(shown) * 255).abs().mean() < 1.5
        other = shown.rotate(180)
    stream = BytesIO()
    other.save(stream, "JPEG", quality=40, subsampling=sampling)
    theirs = jpegx.read_jpeg(stream.getvalue())
    for ours, grid in zip(layer.coefficients(tensor(other)), theirs.coefficients, strict=True):
        different = (ours[0].round() != torch.tensor(grid)).double().mean()
        assert different < 0.02  # integers of libjpeg round on the way
    with Image.open(BytesIO(stream.getvalue())) as again:
        assert (layer(tensor(other)) * 255 - tensor(again) * 255).abs().mean() < 1.5


def test_gradients() -> None:
    luma, chroma = scaled_tables(50)
    layer = DifferentiableJpeg([luma, chroma, chroma]).double()
    images = torch.rand(2, 3, 17, 20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tuple(layer.coefficients(x)), images[:1, :, :5, :9])

    def smooth(x: torch.Tensor) -> torch.Tensor:
        return layer.decode(layer.coefficients(x), 17, 20)

    through, plain = (torch.autograd.grad(f(images).sum(), images)[0] for f in (layer, smooth))
    assert torch.allclose(through, plain)
    assert through.abs().max() > 0
    # Descent through it finds a picture that the file's numbers are nearer to.
    goal = layer(torch.rand(2, 3, 17, 20, dtype=torch.float64)).detach()
    found = torch.full_like(images, 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([found], 0.02)
    errors = []
    for _ in range(40):
        optimizer.zero_grad()
        error = (layer(found) - goal).square().mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 4


def test_tables_are_saved_and_move() -> None:
    luma, chroma = scaled_tables(30)
    first, second = DifferentiableJpeg([luma, chroma, chroma]), DifferentiableJpeg([chroma] * 3)
    second.load_state_dict(first.state_dict())
    image = torch.rand(1, 3, 16, 24)
    assert torch.equal(first(image), second(image))
    assert first.to(torch.float64)(image.double()).dtype == torch.float64


def test_what_does_not_fit() -> None:
    luma, _ = scaled_tables(30)
    with pytest.raises(ValueError, match="for each of 3"):
        DifferentiableJpeg([luma])
    wrong: Any = "YCbCr"
    with pytest.raises(ValueError, match="'YCbCr': one of gray, ycbcr, rgb"):
        DifferentiableJpeg([luma] * 3, ((2, 2), (1, 1), (1, 1)), wrong)
    with pytest.raises(ValueError, match="1 and more"):
        DifferentiableJpeg([luma * 0], ((1, 1),), "gray")
    with pytest.raises(ValueError, match="fractional"):
        DifferentiableJpeg([luma] * 3, ((3, 1), (2, 1), (2, 1)))
    wrong_tables: list[Any] = [luma[0], luma * np.nan, [["a"] * 8] * 8, None]
    for table in wrong_tables:
        with pytest.raises(ValueError, match="8 x 8 steps, 1 and more"):
            DifferentiableJpeg([luma, luma, table])
    word: Any = "4:2:0"
    with pytest.raises(ValueError, match="one pair for each component"):
        DifferentiableJpeg([luma] * 3, word)


def test_images_and_coefficients_that_do_not_fit() -> None:
    luma, _ = scaled_tables(30)
    layer = DifferentiableJpeg([luma] * 3)
    array: Any = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(TypeError, match="a ndarray; give a tensor"):
        layer(array)
    with pytest.raises(TypeError, match=r"torch\.uint8; give numbers 0 to 1"):
        layer(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    for shape in [(3, 8, 8), (1, 1, 8, 8), (1, 8, 8, 3), ()]:
        with pytest.raises(ValueError, match=r"of shape \(.*give \(N, 3, height, width\)"):
            layer(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"impossible size 8x0"):
        layer(torch.zeros(1, 3, 0, 8))
    grids = layer.coefficients(torch.rand(2, 3, 20, 24))
    single: Any = grids[0]
    for given in (single, [array] * 3):
        with pytest.raises(TypeError, match="list of 3 tensors"):
            layer.decode(given, 20, 24)
    wanted = r"an image of 20 rows and 24 columns has \(N, 3, 3, 8, 8\), \(N, 2, 2, 8, 8\), "
    for wrong in ([], grids[:2], grids[::-1], [grids[0], *(g[:1] for g in grids[1:])]):
        with pytest.raises(ValueError, match=wanted):
            layer.decode(wrong, 20, 24)
    with pytest.raises(ValueError, match="images on meta, the tables on cpu"):
        layer(torch.zeros(1, 3, 8, 8, device="meta"))


def test_a_file_by_its_name(make_jpeg: MakeJpeg) -> None:
    path = make_jpeg("a.jpg", size=(20, 20))
    image = torch.rand(1, 3, 20, 20)
    expected = DifferentiableJpeg.of_file(jpegx.read_jpeg(path))(image)
    for source in (path, str(path), path.read_bytes()):
        assert torch.equal(DifferentiableJpeg.of_file(source)(image), expected)
    with pytest.raises(JpegxError, match=r"missing\.jpg: No such file"):
        DifferentiableJpeg.of_file(str(path.with_name("missing.jpg")))


def test_types_of_numbers() -> None:
    luma, _ = scaled_tables(90)
    layer = DifferentiableJpeg([luma] * 3)
    numbers = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 24, 24, dtype=torch.float64, generator=numbers)
    exact = layer(image)
    assert exact.dtype == torch.float64
    # In all the digits of its type: what it makes of its own result is the same again.
    assert (layer.coefficients(exact)[0] - layer.coefficients(image)[0].round()).abs().max() < 1e-9
    for dtype, error in [(torch.float32, 1e-5), (torch.float16, 1e-2), (torch.bfloat16, 1e-2)]:
        rough = image.to(dtype)
        assert layer(rough).dtype == dtype
        assert layer.coefficients(rough)[0].dtype == torch.float32
        # The coefficients do not suffer from few digits: those of the images alone count.
        assert (layer(rough).double() - layer(rough.double())).abs().max() < error
