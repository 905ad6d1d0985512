"""A picture encoded again as its file was: counts, and the distance of the two decoded files."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from jpegx.consistency.recompress import recompress
from jpegx.errors import PictureMismatch
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg


def scene(mode: str, change: int = 0) -> np.ndarray:
    x, y = np.meshgrid(np.arange(38), np.arange(45))
    levels = 127 + 90 * np.sin((x + change) / 3) * np.cos(y / 5)
    picture = Image.fromarray(levels.astype(np.uint8)).convert(mode)
    return np.atleast_3d(np.asarray(picture))


def file_of(picture: np.ndarray) -> QuantizedJpeg:
    stream = BytesIO()
    Image.fromarray(picture.squeeze()).save(stream, "JPEG", quality=30)
    return read_jpeg(stream.getvalue())


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_differs_and_how_far_it_is(mode: str) -> None:
    jpeg = file_of(scene(mode))
    same = recompress(jpeg, scene(mode))
    assert (same.different, same.share, same.rmse) == ((0,) * len(jpeg.coefficients), 0, 0)
    other = recompress(jpeg, scene(mode, 1))
    expected = file_of(scene(mode, 1)).coefficients
    pairs = zip(expected, jpeg.coefficients, strict=True)
    assert other.different == tuple(int((a != b).sum()) for a, b in pairs)
    assert other.share == sum(other.different) / sum(c.size for c in jpeg.coefficients) > 0
    decoded = [np.asarray(scene(mode, change), float) for change in (0, 1)]
    assert other.rmse == pytest.approx(np.sqrt(np.mean((decoded[0] - decoded[1]) ** 2)), rel=0.2)


def test_another_size_is_refused() -> None:
    with pytest.raises(PictureMismatch, match="38x45"):
        recompress(file_of(scene("RGB")), scene("RGB")[:16])
