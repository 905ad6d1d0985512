"""A family in the coefficients: its clamp, its configuration, its statistics in a checkpoint."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from conftest import MakeJpeg
from jpeg_batches import batch_of
from jpegx.errors import UnsupportedJpeg
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import encode_dct
from jpegx.models.checkpoint import load, save
from jpegx.models.coefficient_generator import CoefficientGenerator
from jpegx.models.config import Config
from jpegx.models.files import Files
from jpegx.models.generator import Encoded, Needs
from jpegx.models.noise import CounterNoise, Noise, NoiseField, ZeroNoise
from jpegx.models.registry import generators
from jpegx.sampling.generate import generate

pytestmark = pytest.mark.usefixtures("one_thread")

HALF = ((2, 2), (1, 1), (1, 1))


@dataclass(frozen=True)
class PushConfig(Config):
    push: float = 3.0
    law: str = "even"
    consistent: bool = True

    def __post_init__(self) -> None:
        if self.law not in ("even", "noisy"):
            raise ValueError("law must be even or noisy")


@generators.register("push")
class Push(CoefficientGenerator):
    """Pushes every coefficient away from the middle of its cell, by steps."""

    config_class = PushConfig
    config: PushConfig

    def __init__(self, config: PushConfig) -> None:
        super().__init__()
        self.config = config
        noise = (NoiseField(1, 8),) if config.law == "noisy" else ()
        self.needs = Needs(8, 0, noise=noise, consistent=config.consistent)
        self.scale = nn.Parameter(torch.tensor(config.push))
        self.norm = nn.BatchNorm2d(64, affine=False)

    def encode(self, files: Files) -> Encoded:
        return Encoded(files)

    def _coefficients(
        self, encoded: Encoded, noise: Noise, samples: int
    ) -> Sequence[Sequence[Tensor]]:
        drawn = []
        for batch in encoded.files:
            grids = []
            for walls in batch.cell():
                centre = walls.centre.repeat_interleave(samples, dim=0)
                move: Tensor | float = 1.0
                if self.needs.noise:
                    like = centre[..., 0, 0][:, None]
                    move = noise.draw(self.needs.noise[0], like, (0, 0), samples)[:, 0, ..., None]
                    move = move[..., None]
                grids.append(centre + 2 * self.scale * walls.half * move)
            drawn.append(grids)
        return drawn

    def bytes_per_pixel(self, itemsize: int) -> int:
        return 64


def files() -> JpegBatch:
    layout = Layout(48, 32, "ycbcr", HALF)
    random = torch.Generator().manual_seed(0)
    shapes = [(2, *layout.blocks(c), 8, 8) for c in range(3)]
    values = [torch.randint(-1, 2, shape, generator=random) for shape in shapes]
    return batch_of(values, [torch.full((8, 8), 6.0)] * 3, layout)


def test_projection_is_a_clamp_of_the_coefficients() -> None:
    batch = files()
    held, free = (generators.create("push", {"consistent": on}) for on in (True, False))
    for network, steps in ((held, 0.5), (free, 3.0)):
        image = network([batch], ZeroNoise())
        assert image.shape == (2, 3, 32, 48)
        luma = encode_dct(image.detach() * 255, batch.layout)[0]
        pushed = (batch.coefficients[0] + steps) * 6
        torch.testing.assert_close(luma, pushed.to(luma), atol=2e-3, rtol=0)
    held([batch], ZeroNoise()).sum().backward()
    assert held.get_parameter("scale").grad is not None


def test_samples_and_gray_files() -> None:
    noisy = generators.create("push", {"law": "noisy", "push": 1})
    assert noisy.stochastic
    layout = Layout(16, 8, "gray", ((1, 1),))
    gray = batch_of([torch.ones(1, 1, 2, 8, 8)], [torch.full((8, 8), 9.0)], layout)
    images = noisy([gray], CounterNoise(1), 3)
    assert images.shape == (3, 3, 8, 16)
    assert torch.equal(images[:, 0], images[:, 2])
    assert not torch.allclose(images[0], images[1])


def test_what_it_cannot_decode_has_a_reason(make_jpeg: MakeJpeg) -> None:
    network = generators.create("push").requires_grad_(False).eval()
    jpeg = read_jpeg(make_jpeg("a.jpg", subsampling="4:2:0"))
    assert next(generate(network, jpeg, samples=1, seed=0)).shape == (3, 16, 24)
    fractional = Layout(24, 16, "ycbcr", ((3, 1), (2, 1), (1, 1)))
    with pytest.raises(UnsupportedJpeg, match="ratio is fractional, which push cannot"):
        next(generate(network, replace(jpeg, layout=fractional), samples=1, seed=0))


def test_configurations_hold_numbers_and_words() -> None:
    config = PushConfig.from_dict({"push": 2, "law": "noisy"})
    assert config.push == 2.0
    assert isinstance(config.push, float)
    assert PushConfig.from_dict(config.to_dict()) == config
    for bad in ({"push": "2"}, {"push": True}, {"push": float("nan")}, {"law": 1}):
        with pytest.raises(ValueError, match="wrong type"):
            PushConfig.from_dict(bad)
    with pytest.raises(ValueError, match="even or noisy"):
        PushConfig.from_dict({"law": "odd"})


def test_statistics_are_saved_whole_and_counters_not(tmp_path: Path) -> None:
    network = generators.create("push")
    with torch.no_grad():
        network.get_submodule("norm")(1e-3 * torch.rand(4, 64, 3, 3) + 70000)
    before = deepcopy(network.state_dict())
    assert int(before["norm.num_batches_tracked"]) == 1
    path = tmp_path / "push.safetensors"
    save(path, network, {})
    saved = load_file(path)
    assert set(saved) == {"scale", "norm.running_mean", "norm.running_var"}
    assert saved["norm.running_mean"].dtype == torch.float32  # 7000 is 6992 in bfloat16
    again = load(path)[0].state_dict()
    assert torch.equal(again["norm.running_mean"], before["norm.running_mean"])
    assert again["norm.num_batches_tracked"].dtype == torch.int64
