"""The manual pages, from the help of the commands: python tests/man_pages.py writes man/."""

from pathlib import Path

import click
from click_man.core import generate_man_page

from jpegx import __version__
from jpegx.cli.main import main

MAN = Path(__file__).parents[1] / "man"


def man_pages() -> dict[str, str]:
    """The text of each page by its file name."""
    group = click.Context(main, info_name="jpegx")
    commands = [main.get_command(group, name) for name in main.list_commands(group)]
    contexts = [group] + [
        click.Context(command, info_name=command.name, parent=group)
        for command in commands
        if command is not None
    ]
    # The version stands for the date: a page changes when the help does, not with the calendar.
    return {
        f"{context.command_path.replace(' ', '-')}.1": generate_man_page(
            context, version=__version__, date=f"jpegx {__version__}"
        )
        for context in contexts
    }


if __name__ == "__main__":
    for name, text in man_pages().items():
        (MAN / name).write_text(text, encoding="utf-8")
