"""The IJG's quantization tables against Pillow's."""

import io

import numpy as np
import pytest
from PIL import Image

from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.tables import estimate_quality, scaled_tables


@pytest.mark.parametrize("quality", [1, 5, 10, 24, 49, 50, 51, 75, 95, 99, 100])
def test_scaled_tables_are_those_of_libjpeg(quality: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    luma, chroma, _ = read_jpeg(file.getvalue()).tables
    expected = scaled_tables(quality)
    assert np.array_equal(luma, expected[0])
    assert np.array_equal(chroma, expected[1])
    assert estimate_quality((luma, chroma, chroma)) == (quality, True)
    assert estimate_quality((luma,)) == (quality, True)


def test_16_bit_tables_of_cjpeg_are_exact() -> None:
    luma, chroma = scaled_tables(3, largest=32767)
    assert luma.max() > 255
    assert estimate_quality((luma, chroma, chroma)) == (3, True)


def test_other_tables() -> None:
    luma, chroma = scaled_tables(80)
    nearly = luma.copy()
    nearly[7, 7] += 3
    assert estimate_quality((nearly, chroma, chroma)) == (80, False)
    assert estimate_quality((np.full((8, 8), 20000),)) is None


@pytest.mark.parametrize("quality", [0, 101])
def test_impossible_quality(quality: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to 100"):
        scaled_tables(quality)
