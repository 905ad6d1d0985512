"""JPEG files in DeepInverse: what its methods ask of a physics, and its methods on a real file."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import jpegx
from conftest import DATA, MakeJpeg
from deepinverse import define_missing_operators
from jpegx.jpeg.file import QuantizedJpeg

define_missing_operators()
deepinv: Any = pytest.importorskip("deepinv")

from jpegx.deepinv import CellDistance, CellIndicator, JpegPhysics  # noqa: E402 (it needs theirs)

pytestmark = pytest.mark.usefixtures("one_thread")

KINDS = [("RGB", 0), ("RGB", 1), ("RGB", 2), ("L", 0)]


@pytest.fixture(params=KINDS, ids=str)
def jpeg(request: pytest.FixtureRequest, make_jpeg: MakeJpeg) -> QuantizedJpeg:
    mode, sampling = request.param
    return jpegx.read_jpeg(make_jpeg("a.jpg", size=(45, 31), mode=mode, subsampling=sampling))


@pytest.fixture
def physics(jpeg: QuantizedJpeg) -> JpegPhysics:
    return JpegPhysics(jpeg)


@pytest.fixture
def crop(tmp_path: Path) -> QuantizedJpeg:
    """Part of a photo, whole units."""
    with Image.open(DATA / "example.jpg") as example:
        example.crop((64, 64, 112, 96)).save(tmp_path / "crop.jpg", quality=20)
    return jpegx.read_jpeg(tmp_path / "crop.jpg")


def test_the_measurement_is_the_file(jpeg: QuantizedJpeg, physics: JpegPhysics) -> None:
    y = physics.measurement
    assert y.shape == (1, sum(grid.size for grid in jpeg.coefficients))
    decoded = physics.A_dagger(y)
    assert decoded.shape == (1, jpeg.layout.channels, 31, 45)
    own = y - physics.A(torch.full_like(decoded, 128 / 255))
    held = np.concatenate([grid.ravel() for grid in jpeg.coefficients])
    assert np.allclose(own, held, atol=1e-3)
    shown = physics.decode(y)[0].permute(1, 2, 0).clamp(0, 1) * 255
    standard = jpegx.decode(jpeg, "standard", project=False).pictures[0]
    assert np.abs(shown.numpy() - standard).max() <= 4  # integers of libjpeg


def test_it_is_linear_and_its_adjoint_is_exact(physics: JpegPhysics) -> None:
    first, second = torch.rand(2, 2, *physics.img_size)
    both = physics.A(first) + 2 * physics.A(second)
    assert torch.allclose(physics.A(first + 2 * second), both, atol=1e-2)
    assert physics.adjointness_test(num_samples=3) < 1e-5
    v = torch.rand_like(both).requires_grad_()
    (back,) = torch.autograd.grad(physics.A_adjoint(v).sum(), v)
    assert torch.allclose(back, physics.A(torch.ones_like(first)), atol=1e-2)
    assert not physics.A_adjoint(v.detach()).requires_grad


def test_a_picture_is_measured_as_libjpeg_would(jpeg: QuantizedJpeg, physics: JpegPhysics) -> None:
    picture = jpegx.decode(jpeg, "laplace").pictures[0]
    seen = physics(torch.tensor(picture).permute(2, 0, 1)[None] / 255)
    assert ((seen - physics.measurement).abs() > 0.5).double().mean() < 0.01
    moved = copy.deepcopy(physics).double()
    assert moved(torch.rand(1, *physics.img_size).double()).dtype == torch.float64


def test_projection(jpeg: QuantizedJpeg, physics: JpegPhysics) -> None:
    y, data = physics.measurement, CellIndicator()
    noisy = physics.decode(y) + 0.1 * torch.randn(2, *physics.img_size)
    inside = data.prox(noisy, y, physics, gamma=0.5)
    beyond = [((physics.A(x) - y).abs() - 0.5).clamp(min=0) for x in (noisy, inside)]
    assert beyond[0].max() > 1
    assert beyond[1].max() < 0.2  # at the cut edge; whole units are below
    assert torch.isinf(data(noisy, y, physics)).all()
    with pytest.raises(NotImplementedError, match="CellDistance"):
        data.grad(noisy, y, physics)
    for picture in inside:
        assert jpegx.project(jpeg, picture.permute(1, 2, 0).numpy() * 255).exact
    assert torch.equal(data.prox_d(y + 2, y), y + 0.5)


def test_projection_of_whole_units(crop: QuantizedJpeg) -> None:
    physics, data = JpegPhysics(crop), CellIndicator()
    y = physics.measurement
    noisy = physics.decode(y) + 0.1 * torch.randn(2, *physics.img_size)
    inside = physics.project(noisy, y)
    assert not data(inside, y, physics).any()
    assert torch.allclose(physics.project(inside, y), inside, atol=1e-5)
    apart = CellDistance(0.1)
    assert apart(inside, y, physics).max() < 1e-3
    gradient = apart.grad(noisy, y, physics)
    step = noisy - gradient * 0.01 / physics.compute_sqnorm(noisy[:1], verbose=False)
    assert (apart(step, y, physics) < apart(noisy, y, physics)).all()


def test_their_admm_on_a_real_file(crop: QuantizedJpeg) -> None:
    """The least total variation that the file allows (Bredies and Holler 2012)."""
    physics = JpegPhysics(crop)
    y = physics.measurement
    prior = deepinv.optim.TVPrior(n_it_max=10)
    solver = deepinv.optim.ADMM(CellIndicator(), prior, lambda_reg=0.05, max_iter=8)
    decoded = physics.decode(y)
    found = physics.project(solver(y, physics, init=(decoded, torch.zeros_like(decoded))), y)
    assert prior(found) < 0.9 * prior(decoded)
    picture = found[0].permute(1, 2, 0).detach().numpy() * 255
    assert jpegx.project(crop, picture).exact


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_their_langevin_sampler_on_a_real_file(crop: QuantizedJpeg) -> None:
    physics, data = JpegPhysics(crop), CellDistance(0.3)
    y = physics.measurement
    lipschitz = float(physics.compute_sqnorm(torch.rand(1, *physics.img_size), verbose=False))
    prior = deepinv.optim.ScorePrior(deepinv.models.TVDenoiser(n_it_max=5))
    sampler = deepinv.sampling.ULA(
        prior, data, step_size=0.5 / (lipschitz / 0.09 + 100), sigma=0.1, max_iter=40, thinning=2
    )
    mean, variance = sampler(y, physics, x_init=torch.full((1, *physics.img_size), 0.5), seed=0)
    assert data(mean, y, physics) < data(torch.full_like(mean, 0.5), y, physics) / 4
    assert variance.min() > 0


def test_fractional_sampling_is_refused(crop: QuantizedJpeg) -> None:
    layout = replace(crop.layout, factors=((3, 1), (2, 1), (2, 1)))
    with pytest.raises(ValueError, match="fractional"):
        JpegPhysics(replace(crop, layout=layout))
