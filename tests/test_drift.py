"""The drift of a sampler's mean: measured, kept in a card, taken back where samples are drawn."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import MakeJpeg, Run
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.forward import coefficients
from jpegx.models import checkpoint
from jpegx.models.conditioning import Conditions
from jpegx.models.generator import Encoded, Generator
from jpegx.models.header import BadCheckpoint
from jpegx.models.noise import Noise
from jpegx.models.registry import create
from jpegx.sampling.source import open_source
from jpegx.training.drift import measure_drift
from tiny_weights import drawn, write_weights
from training_data import groups, write_images

pytestmark = pytest.mark.usefixtures("one_thread")


class Law(Generator):
    """A generator without a network: ``images(decoded, noise)``, noise (N * samples, 1, H, W)."""

    projects = False

    def __init__(self, *, stochastic: bool) -> None:
        super().__init__()
        self.stochastic = stochastic
        self.place = nn.Parameter(torch.zeros(1), requires_grad=False)

    def encode(self, conditions: Conditions) -> Encoded:
        return Encoded(conditions)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        decoded = encoded.conditions.decoded.repeat_interleave(samples, dim=0)
        return self.images(decoded, noise(0, decoded, 1))

    def images(self, decoded: Tensor, noise: Tensor) -> Tensor:
        raise NotImplementedError

    def bytes_per_pixel(self, itemsize: int) -> int:
        return itemsize


class Darker(Law):
    """A regression, X̄ = 0.9 Y'."""

    def images(self, decoded: Tensor, noise: Tensor) -> Tensor:
        return 0.9 * decoded


class Mirrored(Law):
    """G = G0 + z²/4 (X̄ - G0) + z²/8 (Y' - G0) + z/20, with G0 the mirrored Y'."""

    def images(self, decoded: Tensor, noise: Tensor) -> Tensor:
        silent = decoded.flip(3)
        towards = 0.25 * (0.9 * decoded - silent) + 0.125 * (decoded - silent)
        return silent + noise.square() * towards + noise / 20


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_a_known_drift_is_found(temperature: float) -> None:
    told: list[int] = []
    sampler, center = Mirrored(stochastic=True), Darker(stochastic=False)
    batches = [groups(8)] * 4
    found = measure_drift(sampler, center, batches, temperature, told.append)
    assert told == [16, 32, 48, 64]
    # The mean of z² is that of T², and the drift is counted per T.
    assert found.drift.to_center == pytest.approx(0.25 * temperature, abs=0.03)
    assert found.drift.to_decoded == pytest.approx(0.125 * temperature, abs=0.03)
    assert found.left < 0.1 * found.around < found.own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of installed weights: a sampler that ends with a projection, a regression."""
    monkeypatch.setattr("jpegx.models.zoo.weights_folder", lambda: tmp_path)
    write_weights(tmp_path / "sampler.safetensors", 0, {"temperature": 0.8}, projection=True)
    write_weights(tmp_path / "middle.safetensors", 1, {}, noise=False)
    return tmp_path


def test_train_center_brings_the_mean_nearer(
    run: Run, folder: Path, tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    data, made = write_images(tmp_path / "data", size=(112, 96)), folder / "made.safetensors"
    words = ("--center", "middle", "--data", data, "--patches", 20, "--quiet")
    result = run("train", "center", "sampler", made, *words, "--note", "licence=none")
    assert result.exit_code == 0, result.output
    told = [float(word.strip(",;")) for word in result.stderr.split() if word[0].isdigit()]
    assert len(told) == 3
    assert told[1] <= told[2]

    card = checkpoint.load(made)[1]
    assert card["center"] == "middle"
    assert card["licence"] == "none"
    assert card["temperature"] == 0.8
    assert json.loads(run("models", made, "--json").stdout)["card"] == card
    before, after = (
        checkpoint.load(folder / f"{name}.safetensors")[0].state_dict()
        for name in ("sampler", "made")
    )
    assert all(torch.equal(before[name], after[name]) for name in before)

    jpeg = make_jpeg("photo.jpg", size=(96, 80), quality=60)
    (wanted,) = drawn(jpeg, "middle", 1)
    far = [
        float((torch.stack(drawn(jpeg, name, 64)).mean(dim=0) - wanted).square().mean())
        for name in ("sampler", "made")
    ]
    assert far[1] < far[0]
    again = folder / "again.safetensors"
    assert run("train", "center", "sampler", again, *words).exit_code == 0
    assert checkpoint.load(again)[1]["drift"] == card["drift"]
    assert run("train", "center", "made", again, *words, "--note", "temperature=0.2").exit_code == 0
    cooler = checkpoint.load(again)[1]
    assert cooler["temperature"] == "0.2"
    assert cooler["drift"] != card["drift"]


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_drift_is_taken_back(folder: Path, make_jpeg: MakeJpeg, temperature: float) -> None:
    card: dict[str, object] = {"temperature": 0.8, "center": "middle", "drift": [0.5, 0.25]}
    write_weights(folder / "drifting.safetensors", 0, card)
    write_weights(folder / "plain.safetensors", 0, {"temperature": 0.8})
    # A new network is a change of 0.
    checkpoint.save(folder / "decoded.safetensors", create("unet", {"noise": False}), {})
    jpeg = make_jpeg("photo.jpg", size=(70, 43))
    own = drawn(jpeg, "plain", 2, temperature)
    (silent,) = drawn(jpeg, "plain", 1, 0.0)
    (wanted,) = drawn(jpeg, "middle", 1)
    (decoded,) = drawn(jpeg, "decoded", 1)
    mean = silent + temperature * (0.5 * (wanted - silent) + 0.25 * (decoded - silent))
    for one, other in zip(own, drawn(jpeg, "drifting", 2, temperature), strict=True):
        torch.testing.assert_close(other, one + wanted - mean, atol=1e-3, rtol=0)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_projection_of_the_sampler_holds(folder: Path, make_jpeg: MakeJpeg, mode: str) -> None:
    jpeg = make_jpeg("photo.jpg", size=(70, 43), mode=mode, quality=20)
    file = read_jpeg(jpeg)
    for image in drawn(jpeg, "sampler", 2, None, "middle"):
        values = coefficients(image[None], file.layout)
        for found, quantized, table in zip(values, file.coefficients, file.tables, strict=True):
            off = np.abs(found[0].numpy() / table - quantized)
            assert (off > 0.5).mean() < 0.01


def test_strips_make_no_difference(
    folder: Path, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    card: dict[str, object] = {"center": "middle", "drift": [0.5, 0.25]}
    write_weights(folder / "drifting.safetensors", 0, card, projection=True)
    jpeg = make_jpeg("photo.jpg", size=(70, 143), quality=20)
    (whole,) = drawn(jpeg, "drifting", 1)
    monkeypatch.setattr("jpegx.sampling.centered._STRIP_PIXELS", 1)
    (parts,) = drawn(jpeg, "drifting", 1)
    torch.testing.assert_close(parts, whole, atol=1e-3, rtol=0)


def test_a_blend_has_no_drift(run: Run, folder: Path) -> None:
    card: dict[str, object] = {"center": "middle", "drift": [0.5, 0.25]}
    write_weights(folder / "drifting.safetensors", 0, card)
    half = folder / "half.safetensors"
    assert run("train", "blend", "drifting=0.5", "middle=0.5", half).exit_code == 0
    assert not {"center", "drift"} & set(checkpoint.load(half)[1])


@pytest.mark.parametrize("drift", ["0.5, 0.25", [0.5], [0.5, "a"], [float("nan"), 0], {}])
def test_an_impossible_drift_is_refused(folder: Path, drift: object) -> None:
    write_weights(folder / "odd.safetensors", 0, {"center": "middle", "drift": drift})
    with pytest.raises(BadCheckpoint, match=r"odd\.safetensors: .*jpegx train center"):
        open_source("odd", "cpu")
    open_source("odd", "cpu", center="none")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("middle", "new.safetensors"), "gives one picture"),
        (("sampler", "new.safetensors", "--center", "sampler"), "is a sampler"),
        (("sampler", "new.safetensors", "--center", "away"), "not the name of installed"),
        (("sampler", "new.safetensors", "--data", "nowhere"), "not a folder"),
        (("sampler", "new.png"), "name the new one last"),
        (("away", "new.safetensors"), "no weights of this name"),
    ],
)
def test_what_cannot_be_centred(
    run: Run, folder: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    data = write_images(tmp_path / "data", size=(112, 96))
    words = (*words[:1], str(folder / "sub" / words[1]), *words[2:])
    for option, value in (("--center", "middle"), ("--data", str(data))):
        words = words if option in words else (*words, option, value)
    result = run("train", "center", *words)
    assert result.exit_code
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert not (folder / "sub").exists()
