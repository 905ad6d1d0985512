"""The mean of a regression's pictures of a file and its mirror images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from conftest import MakeJpeg, Run
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.layout import Layout
from jpegx.models.checkpoint import load
from jpegx.sampling.mirrored import SelfEnsemble
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import SamplerSpec
from tiny_weights import write_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "middle.safetensors", 1, {}, noise=False)


@pytest.fixture
def sampler(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "sampler.safetensors", 0, {})


def _picture(model: Path, jpeg: QuantizedJpeg, *, self_ensemble: bool) -> Tensor:
    spec = SamplerSpec(str(model), "cpu", "float32", self_ensemble=self_ensemble)
    return next(open_sampler(spec).sample(jpeg, 1, 0))


def _mirrored(jpeg: QuantizedJpeg, axes: tuple[int, ...]) -> QuantizedJpeg:
    """As ``jpegtran -flip`` does it: the order of the blocks, and the sign of odd frequencies."""
    signs = (-1) ** np.arange(8)
    coefficients = []
    for grid in jpeg.coefficients:
        if 0 in axes:
            grid = grid[::-1] * signs[:, None]
        if 1 in axes:
            grid = grid[:, ::-1] * signs
        coefficients.append(grid.astype(np.int16))
    return replace(jpeg, coefficients=tuple(coefficients))


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize("kind", [{}, {"subsampling": "4:2:2"}, {"mode": "L"}])
def test_it_is_the_mean_of_the_pictures_of_mirrored_files(
    tmp_path: Path, make_jpeg: MakeJpeg, kind: dict[str, str], projection: bool
) -> None:
    model = write_weights(tmp_path / "m.safetensors", 1, {}, noise=False, projection=projection)
    jpeg = read_jpeg(make_jpeg("photo.jpg", size=(96, 64), **kind))
    pictures = [
        _picture(model, _mirrored(jpeg, axes), self_ensemble=False).flip([a + 1 for a in axes])
        for axes in ((), (0,), (1,), (0, 1))
    ]
    assert float((pictures[0] - pictures[3]).abs().mean()) > 0.1
    mean = _picture(model, jpeg, self_ensemble=True)
    torch.testing.assert_close(mean, torch.stack(pictures).mean(dim=0), atol=1e-3, rtol=0)


def test_far_from_a_cut_it_does_not_matter(regression: Path, make_jpeg: MakeJpeg) -> None:
    whole = read_jpeg(make_jpeg("photo.jpg", size=(128, 96)))
    layout = Layout(101, 67, whole.layout.color_space, whole.layout.factors)
    grids = zip(whole.coefficients, map(layout.blocks, range(3)), strict=True)
    cut = replace(
        whole, layout=layout, coefficients=tuple(g[:rows, :columns] for g, (rows, columns) in grids)
    )
    pictures = [_picture(regression, jpeg, self_ensemble=True) for jpeg in (whole, cut)]
    assert pictures[1].shape == (3, 67, 101)
    halo = load(regression)[0].needs.halo
    top_left = [p[:, : 67 - halo - 16, : 101 - halo - 16] for p in pictures]
    torch.testing.assert_close(*top_left, atol=1e-3, rtol=0)


def test_of_many_tiles(
    regression: Path, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg = read_jpeg(make_jpeg("photo.jpg", size=(397, 290)))
    whole = _picture(regression, jpeg, self_ensemble=True)
    monkeypatch.setattr("jpegx.sampling.generate.tile_memory", lambda device: 1 << 20)
    tiled = _picture(regression, jpeg, self_ensemble=True)
    torch.testing.assert_close(whole, tiled, atol=1 / 256 + 1e-3, rtol=0)


def test_of_a_sampler_there_is_none(sampler: Path) -> None:
    with pytest.raises(ValueError, match="mean of samples"):
        SelfEnsemble(load(sampler)[0])


def test_pictures_say_so(run: Run, regression: Path, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    jpeg, out = make_jpeg("photo.jpg"), tmp_path / "out.png"
    result = run("decode", jpeg, "-o", out, "--self-ensemble", "--model", regression)
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        description = image.text["Description"]  # type: ignore[attr-defined]
    assert description == "sample 0 of middle+, seed 0, projected"
    assert run("verify", jpeg, out).exit_code == 0


@pytest.mark.parametrize("model", ["laplace", "standard", "sampler"])
def test_without_a_regression_it_is_refused(
    run: Run, sampler: Path, make_jpeg: MakeJpeg, model: str
) -> None:
    name = sampler if model == "sampler" else model
    result = run("decode", make_jpeg("photo.jpg"), "--self-ensemble", "--model", name)
    assert result.exit_code == 2
    assert "--self-ensemble" in result.output
    assert "no regression" in result.output


def test_eval_measures_it_beside_the_other(
    run: Run, regression: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    originals = tmp_path / "originals"
    originals.mkdir()
    with Image.open(make_jpeg("photo.jpg", size=(64, 64))) as image:
        image.save(originals / "a.png")
    asked = ("eval", originals, "--quality", 30, "-n", 1, "--projection", "without")
    for options, name in (((), "middle"), (("--self-ensemble",), "middle+")):
        result = run(*asked, "--model", regression, *options, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.output
        assert f" {name} " in result.output
