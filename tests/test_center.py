"""Samples around a regression: from the command line, from a card, and what they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import MakeJpeg, Run
from jpegx.models import checkpoint
from jpegx.models.center import BadCenter
from jpegx.models.header import BadCheckpoint
from jpegx.sampling.source import open_source
from tiny_weights import drawn, write_weights

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def sampler(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "sampler.safetensors", 0, {"temperature": 0.8})


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "middle.safetensors", 1, {}, noise=False)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_the_noise_changes_is_added(
    sampler: Path, regression: Path, make_jpeg: MakeJpeg, mode: str
) -> None:
    jpeg = make_jpeg("photo.jpg", size=(70, 43), mode=mode)
    own = drawn(jpeg, sampler, 3)
    (silent,) = drawn(jpeg, sampler, 1, 0.0)
    (middle,) = drawn(jpeg, regression, 1)
    around = drawn(jpeg, sampler, 3, None, str(regression))
    assert float((own[0] - own[1]).abs().mean()) > 0.1
    assert float((middle - silent).abs().mean()) > 0.1
    for one, other in zip(own, around, strict=True):
        torch.testing.assert_close(other, one + middle - silent, atol=1e-3, rtol=0)


def test_without_noise_they_are_the_regression(
    run: Run, sampler: Path, regression: Path, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    jpeg = make_jpeg("photo.jpg")

    def picture(*options: object) -> np.ndarray:
        out = tmp_path / "out.png"
        result = run("decode", jpeg, "-o", out, "--overwrite", "--no-project", *options)
        assert result.exit_code == 0, result.output
        with Image.open(out) as image:
            said.append(image.text["Description"])  # type: ignore[attr-defined]
            return np.asarray(image)

    said: list[str] = []
    around = ("--model", sampler, "--center", regression)
    expected = picture("--model", regression, "--center", regression).astype(int)
    assert abs(picture(*around, "--temperature", 0) - expected).max() <= 1
    assert abs(picture(*around) - expected).max() > 1
    assert said[0] == "sample 0 of middle, seed 0, not projected"
    assert said[1] == "sample 0 of sampler around middle, seed 0, not projected"


def test_of_many_tiles(
    sampler: Path, regression: Path, make_jpeg: MakeJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg = make_jpeg("photo.jpg", size=(400, 300))
    whole = drawn(jpeg, sampler, 2, None, str(regression))
    monkeypatch.setattr("jpegx.sampling.source.working_memory", lambda device: 1 << 20)
    told: list[float] = []
    tiled = drawn(jpeg, sampler, 2, None, str(regression), progress=told.append)
    assert told == sorted(told)
    assert told[0] < 1 / 4 < told[-2]
    assert told[-1] == 1
    for one, other in zip(whole, tiled, strict=True):
        torch.testing.assert_close(one, other, atol=3 / 256 + 1e-3, rtol=0)


def test_the_card(
    run: Run,
    sampler: Path,
    regression: Path,
    make_jpeg: MakeJpeg,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jpegx.models.zoo.weights_folder", lambda: tmp_path)
    card: dict[str, object] = {"temperature": 0.8, "center": "middle"}
    write_weights(tmp_path / "asking.safetensors", 0, card)
    jpeg = make_jpeg("photo.jpg")
    around = drawn(jpeg, sampler, 1, None, "middle")[0]
    assert torch.equal(drawn(jpeg, Path("asking"), 1)[0], around)
    own = drawn(jpeg, sampler, 1)[0]
    assert torch.equal(drawn(jpeg, Path("asking"), 1, None, "none")[0], own)
    half = tmp_path / "sub" / "half.safetensors"
    assert run("train", "blend", "asking=0.5", "middle=0.5", half).exit_code == 0
    assert checkpoint.load(half)[1]["center"] == "middle"
    assert run("train", "blend", "asking=0.5", "sampler=0.5", half).exit_code == 0
    assert "center" not in checkpoint.load(half)[1]
    regression.rename(tmp_path / "away.safetensors")
    with pytest.raises(BadCheckpoint, match="'middle', which is not installed") as caught:
        open_source("asking", "cpu")
    assert not isinstance(caught.value, BadCenter)
    assert torch.equal(drawn(jpeg, Path("asking"), 1, None, "away")[0], around)


@pytest.mark.parametrize(
    ("center", "words"),
    [
        ("{sampler}", "is a sampler"),
        ("missing.safetensors", "no such file"),
        ("unknown", "no weights of this name"),
        ("{sampler}.txt.safetensors", "safetensors"),
    ],
)
def test_what_is_no_regression_is_refused(
    run: Run, sampler: Path, make_jpeg: MakeJpeg, center: str, words: str
) -> None:
    Path(f"{sampler}.txt.safetensors").write_text("no weights")
    given = center.format(sampler=sampler)
    result = run("decode", make_jpeg("photo.jpg"), "--model", sampler, "--center", given)
    assert result.exit_code == 2
    assert "--center" in result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_eval_measures_another_center_anew(
    run: Run, sampler: Path, regression: Path, tmp_path: Path
) -> None:
    originals, out = tmp_path / "originals", tmp_path / "out"
    originals.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(originals / "a.png")
    figures = []
    for options in ((), ("--center", regression), ("--center", "none")):
        measured = ("--quality", 40, "-n", 2, "--model", sampler, "-o", out, "--quiet")
        result = run("eval", originals, *measured, *options)
        assert result.exit_code == 0, result.output
        figures.append(json.loads((out / "results.json").read_text()))
    assert figures[0] != figures[1]
    assert figures[0] == figures[2]
