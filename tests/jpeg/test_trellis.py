"""Files that look like trellis quantization are known, and others are not."""

import json
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from PIL import Image

from conftest import Run


def encoded(pixels: np.ndarray, encoder: str, quality: int, path: Path) -> Path:
    with jpeglib.version(encoder):
        image = jpeglib.from_spatial(pixels)
        image.samp_factor = "4:2:0"
        image.write_spatial(str(path), qt=quality)
    return path


@pytest.fixture
def pixels() -> np.ndarray:
    """Edges, and texture of the spectrum of photographs, here strong and there weak."""
    random = np.random.default_rng(0)
    size = 256
    y, x = np.mgrid[:size, :size]
    down, across = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]
    frequency = np.hypot(down, across) + 1 / size

    def textured(noise: np.ndarray, power: float) -> np.ndarray:
        falling = frequency.reshape(size, size, *[1] * (noise.ndim - 2)) ** power
        found: np.ndarray = np.fft.ifft2(
            np.fft.fft2(noise, axes=(0, 1)) / falling, axes=(0, 1)
        ).real
        return found

    texture = textured(random.normal(size=(size, size, 3)), 1.1)
    strength = np.exp(8 * textured(random.normal(size=(size, size)), 1.5))
    strength = (strength / np.median(strength)).clip(0.05, 4)[..., None]
    edges = np.sign(np.sin(x / 17 + y / 23))[..., None]
    picture = 128 + 30 * edges + 18 * strength * texture / texture.std()
    pixels: np.ndarray = picture.clip(0, 255).astype(np.uint8)
    return pixels


@pytest.mark.parametrize("quality", [90, 95])
def test_mozjpeg_is_known(run: Run, pixels: np.ndarray, tmp_path: Path, quality: int) -> None:
    Image.fromarray(pixels).save(tmp_path / "source.png")
    for encoder, is_trellis in (("mozjpeg403", True), ("6b", False), ("turbo210", False)):
        path = encoded(pixels, encoder, quality, tmp_path / f"{encoder}.jpg")
        assert ("trellis" in run("info", path).stdout) == is_trellis
        result = run("verify", path, tmp_path / "source.png")
        assert result.exit_code == is_trellis
        assert ("trellis" in result.stderr) == is_trellis
        bounds = run("explore", "bounds", path, "--quick", "--quantity", "mean Y")
        assert ("trellis" in bounds.stdout) == is_trellis
        if is_trellis:
            check_slack(run, path, tmp_path / "source.png")


def check_slack(run: Run, path: Path, source: Path) -> None:
    """Wider cells hold more of the source's coefficients, and wide enough ones all."""
    found = [run("verify", path, source, "--json", "--slack", slack) for slack in (0, 0.5, 2, 20)]
    told = [json.loads(result.stdout) for result in found]
    beyond = [sum(component["beyond"] for component in one["components"]) for one in told]
    assert beyond[0] > 20 * beyond[1] > 0
    assert beyond[1] > beyond[2] >= beyond[3] == 0
    assert [one["possible"] for one in told] == [
        b == 0 and s > 0 for b, s in zip(beyond, (0, 1, 2, 20), strict=True)
    ]
    assert not any(one["exact"] for one in told)
    assert [result.exit_code for result in found] == [int(not one["possible"]) for one in told]
    line = run("verify", path, source, "--slack", 20).stdout.splitlines()[0]
    assert "not exact, possible with a slack of 20 steps" in line


def test_few_coefficients_say_nothing(run: Run, tmp_path: Path) -> None:
    flat = np.full((64, 64, 3), 99, np.uint8)
    path = encoded(flat, "mozjpeg403", 90, tmp_path / "flat.jpg")
    assert "trellis" not in run("info", path).stdout
