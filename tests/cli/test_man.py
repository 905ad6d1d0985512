"""The manual pages are those of the commands as they are."""

from man_pages import MAN, man_pages


def test_man_pages_are_current() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in MAN.glob("*.1")}
    assert there == man_pages(), "run: python tests/man_pages.py"
