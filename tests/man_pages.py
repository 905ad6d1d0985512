"""The manual pages, from the help of the commands: python tests/man_pages.py writes man/."""

from pathlib import Path

import click
from click_man.core import generate_man_page

from jpegx import __version__
from jpegx.cli.main import main

MAN = Path(__file__).parents[1] / "man"


def contexts(
    command: click.Command, parent: click.Context | None, name: str
) -> list[click.Context]:
    """The context of a command and, if it is a group, those of its commands."""
    own = click.Context(command, info_name=name, parent=parent)
    found = [own]
    if isinstance(command, click.Group):
        for inner in command.list_commands(own):
            subcommand = command.get_command(own, inner)
            if subcommand is not None:
                found += contexts(subcommand, own, inner)
        # Other tests may have imported the commands in another order.
        names = command.list_commands(own)
        command.commands = {n: command.commands[n] for n in names if n in command.commands}
    return found


def man_pages() -> dict[str, str]:
    """The text of each page by its file name."""
    # The version stands for the date: a page changes when the help does, not with the calendar.
    return {
        f"{context.command_path.replace(' ', '-')}.1": generate_man_page(
            context, version=__version__, date=f"jpegx {__version__}"
        )
        + _examples(context.command)
        for context in contexts(main, None, "jpegx")
    }


def _examples(command: click.Command) -> str:
    """The section that click-man leaves out, from the end of the help."""
    lines = [line.strip() for line in (command.epilog or "").splitlines()[2:]]
    text = "\n".join(lines).replace("\\", "\\e").replace("-", "\\-")
    return f"\n.SH EXAMPLES\n.nf\n{text}\n.fi\n"


if __name__ == "__main__":
    for name, text in man_pages().items():
        (MAN / name).write_text(text, encoding="utf-8")
