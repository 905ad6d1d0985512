"""Checkpoints: what is written is read, and what is broken is refused in one line."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from jpegx.models.checkpoint import load, open_model, save
from jpegx.models.checkpoint_header import MAX_HEADER_BYTES, BadCheckpoint, read_header
from jpegx.models.families.unet import UnetConfig
from jpegx.models.registry import generators
from jpegx.models.zoo import TRUNKS, find, installed

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = UnetConfig(widths=(4, 4), encoder=(1, 0), decoder=(0, 1), embedding=4)
CARD: dict[str, object] = {"data": "none", "steps": 0, "figures": {"PSNR at 10": 27.1}}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    torch.manual_seed(0)
    save(path, generators.create("unet", CONFIG), CARD)
    return path


def test_what_is_written_is_read(weights: Path) -> None:
    torch.manual_seed(0)
    original = generators.create("unet", CONFIG)
    generator, card = load(weights)
    assert card == CARD
    assert generator.config == CONFIG
    assert not generator.training
    for name, tensor in generator.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, original.state_dict()[name].half().float())
    assert list(weights.parent.iterdir()) == [weights]


@pytest.mark.parametrize("name", installed())
def test_the_weights_that_come_with_the_package_load(name: str) -> None:
    _, generator, card = open_model(name)
    silent = name in TRUNKS or card["stage"] == "regression"
    # Of qgac no network has noise.
    assert generator.stochastic == (not silent and generator.family != "qgac")
    assert {"data", "recipe", "steps", "seed"} <= card.keys()


def test_the_header_alone(weights: Path) -> None:
    header = read_header(weights)
    assert (header.family, header.card) == ("unet", CARD)
    assert header.parameters == sum(
        p.numel() for p in generators.create("unet", CONFIG).parameters()
    )


def test_infinite_weights_are_not_written(tmp_path: Path) -> None:
    generator = generators.create("unet", CONFIG)
    torch.nn.init.constant_(generator.get_parameter("stem.weight"), 1e6)
    with pytest.raises(ValueError, match="not finite in float16"):
        save(tmp_path / "a.safetensors", generator, CARD)
    assert not list(tmp_path.iterdir())


def _edit(path: Path, change: Callable[[dict[str, dict[str, str]]], None]) -> None:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def _metadata(key: str, value: str) -> Callable[[Path], None]:
    return lambda path: _edit(path, lambda header: header["__metadata__"].update({key: value}))


def _without_a_tensor(path: Path) -> None:
    _edit(path, lambda header: header.update({"stem.other": header.pop("stem.weight")}))


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0] * 100}))


def _saved_by_torch(path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, path)


def _foreign(path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, path)


def _not_numbers(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2:] = b"\x00\x7e"  # a NaN in float16
    path.write_bytes(data)


def _wrong_offsets(path: Path) -> None:
    _edit(path, lambda header: header["stem.bias"].update({"data_offsets": [0, 2]}))  # type: ignore[dict-item]


def _cut(length: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickle": (_pickled, "a pickle, which could run any code; weights must be safetensors"),
    "torch.save": (_saved_by_torch, "a pickle, which"),
    "huge header": (
        lambda path: path.write_bytes((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{}"),
        "its header would have 8388609 bytes",
    ),
    "empty": (_cut(0), "not a safetensors file"),
    "cut in the header": (_cut(300), "truncated in its header"),
    "cut in the tensors": (_cut(-10), "truncated: "),
    "text": (lambda path: path.write_text("hello world, these are no weights"), "header"),
    "no json": (lambda path: path.write_bytes(b"\4\0\0\0\0\0\0\0oh!!"), "cannot be read"),
    "deep json": (
        lambda path: path.write_bytes((99999).to_bytes(8, "little") + b"[" * 99999),
        "get an undamaged copy",
    ),
    "foreign": (
        _foreign,
        "of a run jpegx train export makes some, and --restorer takes other networks",
    ),
    "family": (_metadata("family", "vae"), "unknown family 'vae'"),
    "config": (_metadata("config", '{"widths": [4, 4], "encoder": "x"}'), "wrong type"),
    "config of a giant": (_metadata("config", '{"widths": [100000]}'), "widths"),
    "no config": (_metadata("config", "[]"), "no table 'config'"),
    "other sizes": (_metadata("config", "{}"), "is missing"),
    "missing tensor": (_without_a_tensor, "tensor 'stem.weight' is missing"),
    "wrong offsets": (_wrong_offsets, "get an undamaged copy"),
    "not a number": (_not_numbers, "does not hold finite numbers"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_weights_are_refused_in_one_line(kind: str, weights: Path) -> None:
    break_it, words = BROKEN[kind]
    break_it(weights)
    with pytest.raises(BadCheckpoint) as caught:
        load(weights)
    message = str(caught.value)
    assert message.startswith(f"{weights}: ")
    assert words in message
    assert "\n" not in message


def test_weights_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadCheckpoint, match="No such file"):
        load(tmp_path / "none.safetensors")
    with pytest.raises(
        BadCheckpoint, match=r"^none\.safetensors: No such file or directory; check the name"
    ):
        find("none.safetensors")
    with pytest.raises(BadCheckpoint, match="surely-none: no weights of this name; "):
        find("surely-none")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    with pytest.raises(BadCheckpoint, match="run: a folder; of a run jpegx train export makes"):
        find("run")
