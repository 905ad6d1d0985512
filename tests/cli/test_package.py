"""The package as it is installed."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from jpegx.cli.main import main
from jpegx.jpeg.reader.limits import DEFAULT_MAX_PIXELS
from jpegx.models.zoo import weights_folder


def test_weights_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (weights_folder() / "general.safetensors").is_file()


def test_the_limit_in_the_help_is_the_reader_s() -> None:
    for command in ("decode", "verify"):
        text = CliRunner().invoke(main, [command, "--help"]).output
        assert f"{DEFAULT_MAX_PIXELS}" in text
