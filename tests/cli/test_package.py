"""The package as it is installed."""

import importlib
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from jpegx.cli.main import main
from jpegx.jpeg.reader.limits import DEFAULT_MAX_PIXELS
from jpegx.models.zoo import weights_folder
from weight_cards import CARDS, weight_cards, weight_files

ROOT = Path(__file__).parents[2]


def test_weights_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (weights_folder() / "general.safetensors").is_file()


def test_the_limit_in_the_help_is_the_reader_s() -> None:
    for command in ("decode", "verify"):
        text = CliRunner().invoke(main, [command, "--help"]).output
        assert f"{DEFAULT_MAX_PIXELS}" in text


def test_the_cards_are_those_of_the_weights() -> None:
    there = {path.name: path.read_text("utf-8") for path in CARDS.glob("*.md")}
    assert there == weight_cards(), "run: python tests/weight_cards.py"


def test_the_wheel_has_all_weights_cards_and_manual_pages_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    weights = {str(path.relative_to(ROOT)) for path in weight_files()}
    assert set(wheel["force-include"]) == weights | {"weights/cards"}
    assert set(wheel["shared-data"]) == {f"man/{path.name}" for path in ROOT.glob("man/*.1")}


def test_without_deepinverse_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jpegx.deepinv", raising=False)
    for name in ("deepinv", "deepinv.optim", "deepinv.physics"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as found:
        importlib.import_module("jpegx.deepinv")
    assert str(found.value) == "jpegx.deepinv needs DeepInverse: pip install 'jpegx[deepinv]'"
