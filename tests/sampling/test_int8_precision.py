"""--precision int8: where it is had, what auto takes, and that its pictures are exact."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import MakeJpeg, Run
from jpegx.errors import JpegxError
from jpegx.jpeg.file import read_jpeg
from jpegx.models.checkpoint import load, save
from jpegx.models.checkpoint_header import BadCheckpoint, read_header
from jpegx.models.int8 import int8_works
from jpegx.models.zoo import DEFAULT, installed
from jpegx.sampling import hardware
from jpegx.sampling.generate import generate, tiles_of
from jpegx.sampling.network import NetworkSampler
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import Precision, SamplerSpec
from jpegx.training import int8_weights
from tiny_weights import write_weights

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not int8_works(), reason="this machine or PyTorch has no int8 convolutions"),
]


def opened(model: str | Path, precision: Precision = "int8") -> Sampler:
    return open_sampler(SamplerSpec(str(model), "cpu", precision))


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    """Random weights with ranges."""
    path = write_weights(tmp_path / "fitted.safetensors", 0, {})
    generator, card = load(path)
    generator.ranges = {"encoder.0": ((1.0, 1.0),), "decoder.0": ((1.0, 1.0),)}
    save(path, generator, card)
    return path


def test_pictures_are_exact_and_the_same_again(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path
) -> None:
    example = make_jpeg("photo.jpg", size=(72, 56), quality=20)
    made = []
    for name in ("a.png", "b.png"):
        options = ("--model", "regression", "--precision", "int8", "-o", tmp_path / name)
        result = run("decode", example, "--project", *options, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["different"] == 0
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert run("verify", example, tmp_path / "a.png").exit_code == 0
    options = ("--model", "regression", "--precision", "float32", "-o", tmp_path / "f.png")
    assert run("decode", example, "--project", *options).exit_code == 0
    ours, others = (
        np.asarray(Image.open(tmp_path / f"{name}.png")).astype(float) for name in ("a", "f")
    )
    assert 0 < np.square(ours - others).mean() < 0.5**2  # gray levels


@pytest.mark.parametrize("model", ["regression", "general"])
def test_any_tiles_and_threads_give_the_same(make_jpeg: MakeJpeg, model: str) -> None:
    sampler = opened(model)
    assert isinstance(sampler, NetworkSampler)
    assert sampler.facts["number_type"] == "int8"
    network = sampler._rendered()
    width = 2 * network.needs.halo + 160
    jpeg = read_jpeg(make_jpeg("photo.jpg", size=(width, 32), quality=20))
    whole = next(sampler.sample(jpeg, 1, 0))
    small = network.bytes_per_pixel(4) * (width - 64) * 32
    assert len(tiles_of(network, jpeg.layout, small)) > 1
    tiled = next(
        generate(network, jpeg, samples=1, seed=0, temperature=sampler.temperature, memory=small)
    )
    # The last bits of the float32 layers may tip what is rounded to 8 bits, here and there.
    torch.testing.assert_close(tiled, whole, atol=1.5, rtol=0)
    assert (tiled - whole).square().mean().sqrt() < 0.1
    torch.set_num_threads(3)
    try:
        assert torch.equal(next(sampler.sample(jpeg, 1, 0)), whole)
    finally:
        torch.set_num_threads(1)


def test_auto_takes_it_where_there_is_no_bfloat16(
    fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_has_bfloat16", lambda device: True)
    assert opened(fitted, "auto").facts["number_type"] == "bfloat16"
    monkeypatch.setattr(hardware, "_has_bfloat16", lambda device: False)
    sampler = opened(fitted, "auto")
    assert isinstance(sampler, NetworkSampler)
    assert sampler.facts["number_type"] == "int8"
    assert sampler.generator.dtype == torch.float32  # has gradients, for explore
    assert opened(fitted, "float32").facts["number_type"] == "float32"
    plain = write_weights(fitted.with_name("plain.safetensors"), 0, {})
    assert opened(plain, "auto").facts["number_type"] == "float32"
    with monkeypatch.context() as other:
        other.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "SVE256")
        assert opened(fitted, "auto").facts["number_type"] == "float32"
        assert opened(fitted).facts["number_type"] == "int8"
    monkeypatch.setattr(hardware, "int8_works", lambda: False)
    assert opened(fitted, "auto").facts["number_type"] == "float32"
    with pytest.raises(JpegxError, match="has no int8 convolutions; leave out --precision"):
        opened(fitted)


def test_where_there_is_none_it_is_told(
    tmp_path: Path, run: Run, example: Path, originals: Path
) -> None:
    plain = write_weights(tmp_path / "plain.safetensors", 0, {})
    for model, reason in (
        (plain, "its weights have no ranges for int8; make them with jpegx train int8, or leave"),
        ("rrdb-general", "its network has no int8; leave out --precision"),
        ("laplace", "it is no network; leave out --precision"),
    ):
        for command in (("decode", example), ("eval", originals)):
            result = run(*command, "--model", model, "--precision", "int8")
            assert result.exit_code == 2
            assert f"--precision: {model}: {reason}" in " ".join(result.stderr.split())
    options = ("--region", "0,0,16x16", "--model", plain, "--precision", "int8")
    result = run("explore", "smooth", example, *options)
    assert (result.exit_code, "needs gradients" in result.stderr) == (2, True), result.stderr


def test_weights_are_fitted(
    run: Run, tmp_path: Path, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8_weights, "_GROUPS", 2)
    plain = write_weights(tmp_path / "plain.safetensors", 0, {"figures": 1}, noise=False)
    fitted = tmp_path / "fitted.safetensors"
    result = run("train", "int8", plain, fitted, "--data", originals)
    assert result.exit_code == 0, result.output
    before, after = load(plain), load(fitted)
    assert after[1] == before[1]
    for name, tensor in before[0].state_dict().items():
        assert torch.equal(after[0].state_dict()[name], tensor)
    assert opened(fitted).facts["number_type"] == "int8"
    assert "int8" in run("models", fitted).output
    again = tmp_path / "again.safetensors"
    assert run("train", "int8", plain, again, "--data", originals).exit_code == 0
    assert read_header(again).ranges == read_header(fitted).ranges
    result = run("train", "int8", plain, fitted, "--data", originals)
    assert (result.exit_code, "add --overwrite" in result.stderr) == (2, True)
    result = run("train", "int8", "rrdb-general", again, "--data", originals, "--overwrite")
    assert (result.exit_code, "has no int8" in result.stderr) == (1, True)


def test_what_cannot_be_written_or_measured_is_told_first(
    run: Run, tmp_path: Path, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8_weights, "measure_ranges", lambda *_: pytest.fail("it was measured"))
    plain = write_weights(tmp_path / "plain.safetensors", 0, {})
    folder, inside = tmp_path / "folder.safetensors", plain / "new.safetensors"
    folder.mkdir()
    for place, reason in (
        (plain, "exists; add --overwrite"),
        (folder, "Is a directory; name a file"),
        (inside, "Not a directory; a part of its name is a file"),
        (Path("/proc/none/new.safetensors"), "No such file or directory; check the name"),
    ):
        more = ("--overwrite",) if place != plain else ()
        result = run("train", "int8", plain, place, "--data", originals, *more)
        assert result.exit_code == 2
        assert f"{place}: {reason}".replace(": exists", " exists") in result.stderr
    new = tmp_path / "deep" / "new.safetensors"
    for path in originals.iterdir():
        with Image.open(path) as picture:
            picture.crop((0, 0, 127, 128)).save(path)
    result = run("train", "int8", plain, new, "--data", originals)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"jpegx: {originals}: of 3 images none can be read and is at least 128 pixels high "
        "and wide; name a folder with larger ones"
    )
    assert not new.parent.exists()


@pytest.mark.parametrize(
    "ranges",
    [
        {"encoder.0": [[1, 1]]},
        {"encoder.0": [[1, 1]], "decoder.0": [[1, 1], [1, 1]]},
        {"encoder.0": [[1, 1]], "decoder.0": 5},
        {"encoder.0": [[1, 1]], "decoder.0": [[1, -1]]},
        {"encoder.0": [[1, 1]], "decoder.0": [[1, "1"]]},
        {"encoder.0": [[1, 1]], "decoder.0": [[float("nan"), 1]]},
        {"encoder.0": [[1, 1]], "decoder.0": [[1, 1e300]]},
    ],
)
def test_wrong_ranges_are_told(fitted: Path, ranges: dict[str, object]) -> None:
    generator, card = load(fitted)
    generator.ranges = ranges  # type: ignore[assignment]
    save(fitted, generator, card)
    assert read_header(fitted).ranges
    with pytest.raises(BadCheckpoint, match="its ranges for int8 are"):
        load(fitted)


def test_the_default_weights_have_ranges() -> None:
    header = read_header(installed()[DEFAULT])
    assert header.ranges, "they were exported anew: run jpegx train int8, see weights/log.md"
