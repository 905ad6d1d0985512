"""Restoration networks that spandrel knows as samplers, as their users run them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from conftest import MakeJpeg, Run
from deepinverse import define_missing_operators
from jpegx.sampling import restorer


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("net.pth", b"no weights", "safetensors only"),
        ("net.safetensors", b"no weights", "it is no safetensors file; get an undamaged copy"),
        ("net.safetensors", None, "No such file or directory; check the name"),
    ],
)
def test_restorers_that_are_none(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("decode", make_jpeg("a.jpg"), "--restorer", tmp_path / name)
    assert result.exit_code == 2
    assert f"--restorer: {tmp_path / name}: " in result.stderr
    assert reason in result.stderr


def test_a_torchvision_of_another_pytorch_is_told(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spandrel.py").write_text("raise RuntimeError('no torchvision::nms')")
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    result = run("decode", make_jpeg("a.jpg"), "--restorer", path)
    assert result.exit_code == 1
    assert "does not fit this PyTorch (no torchvision::nms); install the" in result.stderr


def swin_ir(path: Path, channels: int) -> Path:
    """Random weights of a small SwinIR. Skips the test where spandrel cannot be had."""
    define_missing_operators()
    try:
        from spandrel.architectures.SwinIR import SwinIR
    except Exception as error:  # its torchvision may not fit the torch that is here
        pytest.skip(f"no spandrel: {error}")
    torch.manual_seed(0)
    network = SwinIR(
        in_chans=channels, embed_dim=8, depths=[2], num_heads=[2], window_size=8, upscale=1
    )
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    return path


@pytest.mark.slow
def test_a_restorer_of_spandrel(
    run: Run, make_jpeg: MakeJpeg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gray = make_jpeg("gray.jpg", size=(200, 90), mode="L")
    colour, one = (swin_ir(tmp_path / f"{n}.safetensors", n) for n in (3, 1))
    for path in (colour, one):
        result = run("decode", gray, "--restorer", path, "-o", tmp_path / f"{path.stem}.png")
        assert result.exit_code == 0, result.stderr
        assert run("verify", gray, tmp_path / f"{path.stem}.png").exit_code == 0
    example = make_jpeg("photo.jpg", size=(400, 200), quality=30)
    result = run("decode", example, "--restorer", one, "-o", tmp_path / "a.png")
    assert (result.exit_code, "is in colour; give one for colour" in result.stderr) == (1, True)
    result = run("decode", example, "--restorer", colour, "-o", tmp_path / "a.png", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["model"] == "3"
    assert run("verify", example, tmp_path / "a.png").exit_code == 0

    # In tiles it is what it is whole.
    plain = ("decode", example, "--restorer", colour, "--no-project", "-o")
    assert run(*plain, tmp_path / "whole.png").exit_code == 0
    monkeypatch.setattr(restorer, "_MOST", 1 << 16)
    assert len(restorer.tiles_of(200, 400)) > 1
    assert run(*plain, tmp_path / "tiled.png").exit_code == 0
    whole, tiled = (np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("whole", "tiled"))
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.slow
def test_weights_that_spandrel_cannot_use(run: Run, make_jpeg: MakeJpeg, tmp_path: Path) -> None:
    example = make_jpeg("photo.jpg")
    path = swin_ir(tmp_path / "net.safetensors", 3)
    weights = load_file(path)
    unknown = {"a.weight": torch.zeros(3, 3)}
    short = weights | {"conv_first.weight": torch.zeros(8, 3, 1, 3)}
    for tensors, reason in ((unknown, "does not know"), (short, "cannot build its network")):
        save_file(tensors, path)
        result = run("decode", example, "--restorer", path)
        assert result.exit_code == 2, result.output
        assert f"--restorer: {path}: spandrel {reason}" in result.stderr
    from spandrel.architectures.FBCNN import FBCNN

    # It is built, but a layer in it takes 512 channels whatever the others have.
    save_file(FBCNN(nc=[8, 8, 8, 8], nb=4).state_dict(), path)
    result = run("decode", example, "--restorer", path)
    assert result.exit_code == 1
    assert "net: the network cannot be run (mat1 and mat2 shapes" in result.stderr
