"""From any image to 8 bits that re-encode to the file, judged by the real libjpeg."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jpegx.consistency.compare import verify
from jpegx.consistency.exact import Exact, Projector
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.reader import libjpeg
from jpegx.jpeg.tables import scaled_tables
from layouts import FACTORS, layouts, pictures, tables


def compress(pixels: np.ndarray, layout: Layout, steps: list[np.ndarray]) -> QuantizedJpeg:
    coefficients = libjpeg.encode(pixels, layout, tuple(steps))
    return QuantizedJpeg(layout, coefficients, tuple(steps), "baseline")


def projector(jpeg: QuantizedJpeg) -> Projector:
    coefficients = [torch.tensor(c) for c in jpeg.coefficients]
    return Projector(coefficients, [torch.tensor(t) for t in jpeg.tables], jpeg.layout)


def project(jpeg: QuantizedJpeg, image: torch.Tensor) -> Exact:
    result = projector(jpeg)(image)
    report = verify(jpeg, result.pixels.permute(1, 2, 0).numpy())
    assert result.different == sum(c.different for c in report.components)
    assert result.causes == report.causes
    assert result.total == sum(c.total for c in report.components)
    assert report.exact == (result.different == 0)
    return result


def blurred(pixels: np.ndarray, noise: float) -> torch.Tensor:
    image = torch.tensor(pixels).permute(2, 0, 1).float()
    image = torch.nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
    return image + noise * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))


def photo(example: Path, size: tuple[int, int]) -> np.ndarray:
    """A cut of the example without JPEG's own grid, uint8 (H, W, 3)."""
    picture = Image.open(example).convert("RGB").resize((307, 205), Image.Resampling.LANCZOS)
    return np.asarray(picture)[20 : 20 + size[1], 120 : 120 + size[0]].copy()


def at_quality(
    pixels: np.ndarray, quality: int, factors: tuple[tuple[int, int], ...]
) -> QuantizedJpeg:
    luma, chroma = scaled_tables(quality)
    layout = Layout(pixels.shape[1], pixels.shape[0], "ycbcr", factors)
    return compress(pixels, layout, [luma, chroma, chroma])


LARGEST = ((4, 4), (2, 1), (1, 4))


@pytest.mark.parametrize("quality", [5, 10, 30, 50, 75, 90])
@pytest.mark.parametrize("factors", FACTORS[:3], ids=("444", "422", "420"))
def test_photo(example: Path, quality: int, factors: tuple[tuple[int, int], ...]) -> None:
    pixels = photo(example, (64, 48))
    jpeg = at_quality(pixels, quality, factors)
    assert project(jpeg, blurred(pixels, 8)).different == 0


@pytest.mark.parametrize("factors", [FACTORS[0], FACTORS[2]], ids=("444", "420"))
def test_photo_at_quality_95(example: Path, factors: tuple[tuple[int, int], ...]) -> None:
    pixels = photo(example, (64, 48))
    result = project(at_quality(pixels, 95, factors), blurred(pixels, 8))
    assert result.different <= result.total // 10_000


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 31), (33, 8)])
@pytest.mark.parametrize("factors", [*FACTORS[:6], FACTORS[-1]])
def test_odd_sizes(
    example: Path, size: tuple[int, int], factors: tuple[tuple[int, int], ...]
) -> None:
    pixels = photo(example, size)
    assert project(at_quality(pixels, 40, factors), blurred(pixels, 4)).different == 0


@settings(max_examples=25)
@given(st.data())
def test_count_is_libjpegs_and_large_steps_are_solved(data: st.DataObject) -> None:
    layout = data.draw(layouts(24))
    pixels = data.draw(pictures(layout))
    least = data.draw(st.sampled_from((1, 16)))
    steps = data.draw(tables(layout, least=least))
    image = torch.tensor(pixels).permute(2, 0, 1).float()
    shift = data.draw(st.sampled_from((0.0, 3.0)))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    result = project(compress(pixels, layout, steps), image + shift * noise)
    # Of pure noise at 4x4 one coefficient in one of some hundred files stays.
    assert least == 1 or layout.factors == LARGEST or result.different == 0


def test_saturated_picture(example: Path) -> None:
    pixels = np.clip(photo(example, (96, 64)).astype(int) * 3 - 200, 0, 255).astype(np.uint8)
    assert (pixels % 255 == 0).mean() > 0.2
    for quality in (10, 75, 90):
        assert project(at_quality(pixels, quality, FACTORS[2]), blurred(pixels, 8)).different == 0


def test_changes_little(example: Path) -> None:
    pixels = photo(example, (64, 64))
    jpeg = at_quality(pixels, 10, FACTORS[2])
    image = torch.tensor(pixels).permute(2, 0, 1).float()
    # The source itself is consistent: nothing has to be added but what guards against rounding.
    assert project(jpeg, image).rmse_added < 0.5
    assert project(jpeg, blurred(pixels, 0)).rmse_added < 0.8


def test_deterministic(example: Path) -> None:
    pixels = photo(example, (40, 40))
    jpeg = at_quality(pixels, 95, FACTORS[2])
    first, second = (project(jpeg, blurred(pixels, 8)) for _ in range(2))
    assert torch.equal(first.pixels, second.pixels)


def test_coefficients_that_no_pixels_give_are_counted() -> None:
    layout = Layout(32, 16, "ycbcr", FACTORS[2])
    random = np.random.default_rng(0)
    steps = (np.full((8, 8), 20, np.int32),) * 3
    grids = tuple(
        random.integers(-40, 41, (*layout.blocks(c), 8, 8)).astype(np.int16) for c in range(3)
    )
    result = project(QuantizedJpeg(layout, grids, steps, "baseline"), torch.full((3, 16, 32), 99.0))
    assert result.different > 100


def test_fractional_sampling_is_refused() -> None:
    layout = Layout(24, 8, "ycbcr", ((3, 1), (2, 1), (1, 1)))
    grids = [torch.zeros(*layout.blocks(c), 8, 8, dtype=torch.int16) for c in range(3)]
    with pytest.raises(ValueError, match="fractional"):
        Projector(grids, [torch.ones(8, 8)] * 3, layout)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_on_a_gpu(example: Path) -> None:
    pixels = photo(example, (64, 48))
    for quality in (10, 90):
        jpeg = at_quality(pixels, quality, FACTORS[2])
        coefficients = [torch.tensor(c).cuda() for c in jpeg.coefficients]
        tables = [torch.tensor(t).cuda() for t in jpeg.tables]
        result = Projector(coefficients, tables, jpeg.layout)(blurred(pixels, 8).cuda())
        assert verify(jpeg, result.pixels.permute(1, 2, 0).cpu().numpy()).exact
