"""jpegx models: the installed weights and their cards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from jpegx.models import zoo
from jpegx.models.checkpoint import save
from jpegx.models.registry import generators


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(zoo, "weights_folder", lambda: tmp_path)
    return tmp_path


def _install(folder: Path, name: str) -> Path:
    config = {"widths": [4], "encoder": [1], "decoder": [1], "embedding": 4}
    path = folder / f"{name}.safetensors"
    save(
        path,
        generators.create("unet", config),
        {"licence": "CC BY-SA 4.0", "figures": {"live1": 28.5}},
    )
    return path


def test_the_list(run: Run, folder: Path) -> None:
    _install(folder, zoo.DEFAULT)
    _install(folder, "small")
    result = run("models")
    assert result.exit_code == 0
    general, trunk, small = result.output.splitlines()
    assert general.split()[:3] == ["*", zoo.DEFAULT, "unet"]
    assert trunk.split()[0] == "regression"
    assert small.split()[:2] == ["small", "unet"]
    assert zoo.default() == zoo.DEFAULT


def test_long_names_keep_their_column(run: Run, folder: Path) -> None:
    _install(folder, "a-name-of-more-than-sixteen-letters")
    _install(folder, "small")
    long, small = run("models").output.splitlines()
    assert long.split()[:2] == ["a-name-of-more-than-sixteen-letters", "unet"]
    assert long.index(" unet") == small.index(" unet")


def test_a_card(run: Run, folder: Path) -> None:
    path = _install(folder, "small")
    for name in ("small", path):
        lines = run("models", name).output.splitlines()
        assert ["licence", "CC", "BY-SA", "4.0"] in [line.split() for line in lines]
        assert "    live1          28.5" in lines
    facts = json.loads(run("models", "small", "--json").output)
    assert facts["card"]["figures"] == {"live1": 28.5}
    assert facts["default"] is False


def test_the_licence_is_told_where_the_card_does_not(
    run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = {"widths": [4], "encoder": [1], "decoder": [1], "embedding": 4}
    for place in (folder, tmp_path_factory.mktemp("elsewhere")):
        save(place / "silent.safetensors", generators.create("unet", config), {})
        name = "silent" if place == folder else place / "silent.safetensors"
        told = json.loads(run("models", name, "--json").output)["licence"]
        assert told == ("Apache-2.0, as jpegx" if place == folder else "their card does not tell")
        assert told in run("models", name).output
    _install(folder, "own")
    assert json.loads(run("models", "own", "--json").output)["licence"] == "CC BY-SA 4.0"


def test_no_weights(run: Run, folder: Path) -> None:
    result = run("models")
    assert result.exit_code == 0
    assert "no weights are installed" in result.output
    result = run("models", "unet")
    assert (result.exit_code, result.output) == (
        1,
        "unet: no weights of this name; none are installed\n",
    )
    assert zoo.default() is None


def test_one_broken_file_does_not_hide_the_others(run: Run, folder: Path) -> None:
    _install(folder, "unet")
    (folder / "broken.safetensors").write_bytes(b"PK\x03\x04 and so on")
    result = run("models")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 2
    assert "a pickle" in result.output


def test_no_torch_is_needed() -> None:
    code = "import sys\nfrom jpegx.cli.main import main\nmain(['models'], standalone_mode=False)\n"
    check = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules))\n"
    result = subprocess.run([sys.executable, "-c", check + code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("False\n")
