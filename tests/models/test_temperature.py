"""The strength of the noise: from the command line, from a card, and what it does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import MakeJpeg, Run
from jpegx.models import checkpoint
from jpegx.models.checkpoint_header import BadCheckpoint
from jpegx.models.noise import CounterNoise, NoiseField
from jpegx.models.registry import generators
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import SamplerSpec


def write_weights(path: Path, temperature: object) -> Path:
    torch.manual_seed(0)
    generator = generators.create("unet", {"widths": [8], "encoder": [1], "decoder": [1]})
    for parameter in generator.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    card = {} if temperature is None else {"temperature": temperature}
    checkpoint.save(path, generator, card)
    return path


def test_noise_is_scaled() -> None:
    like = torch.empty(2, 3, 5, 4)
    field = NoiseField(1, 2, number=1)
    whole, half = (CounterNoise(3, temperature=t).draw(field, like, samples=2) for t in (1, 0.5))
    assert torch.equal(half, whole / 2)


def test_decode(run: Run, tmp_path: Path, make_jpeg: MakeJpeg) -> None:
    weights, jpeg = write_weights(tmp_path / "small.safetensors", 0), make_jpeg("photo.jpg")

    def samples(*options: object) -> list[np.ndarray]:
        out = tmp_path / "out"
        choice = ("-n", 2, "--model", weights, "--overwrite", "--no-project", *options)
        result = run("decode", jpeg, "-o", out, *choice)
        assert result.exit_code == 0, result.output
        return [np.asarray(Image.open(out / f"photo_{sample}.png")) for sample in range(2)]

    first, second = samples()  # the card says 0
    assert np.array_equal(first, second)
    first, second = samples("--temperature", 1)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("temperature", ["hot", -1, "nan", 1e9])
def test_an_impossible_card_is_refused(tmp_path: Path, temperature: object) -> None:
    weights = write_weights(tmp_path / "small.safetensors", temperature)
    with pytest.raises(BadCheckpoint, match="temperature"):
        open_sampler(SamplerSpec(str(weights), "cpu"))


def test_an_impossible_temperature_is_wrong_usage(run: Run, make_jpeg: MakeJpeg) -> None:
    result = run("decode", make_jpeg("photo.jpg"), "--temperature", -1)
    assert result.exit_code == 2
    assert "--temperature" in result.output
