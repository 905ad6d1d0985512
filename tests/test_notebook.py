"""The example notebook runs, and shows what it gives."""

import re

import pytest

from notebook import Outputs, read_cells, run_cells

pytestmark = pytest.mark.usefixtures("one_thread")


def shape(outputs: Outputs) -> list[str]:
    """What is shown, but for the digits, which depend on the machine."""
    text = ["".join(o.get("text", "picture")) for o in outputs]
    return [re.sub(r"[\d.]+", "0", part) for part in text]


def test_the_notebook_runs_and_shows_what_it_gives() -> None:
    cells = read_cells()
    assert len(cells) > 4
    for cell, outputs in zip(cells, run_cells(cells), strict=True):
        assert shape(outputs) == shape(cell["outputs"]), "".join(cell["source"])
