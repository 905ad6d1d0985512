"""The Tab key knows every command and option."""

import pytest
from click.shell_completion import BashComplete

from jpegx.cli.main import COMMANDS, main


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        ([], "", set(COMMANDS)),
        (["eval"], "--ex", {"--executor", "--export-jpegs"}),
        (["eval", "--executor"], "", {"local", "ray"}),
        (["verify"], "--sl", {"--slack"}),
        (["explore", "bounds"], "--sl", {"--slack"}),
        (["decode", "--executor"], "r", {"ray"}),
    ],
)
def test_completions(words: list[str], begun: str, expected: set[str]) -> None:
    found = BashComplete(main, {}, "jpegx", "_JPEGX_COMPLETE").get_completions(words, begun)
    assert {item.value for item in found} == expected
