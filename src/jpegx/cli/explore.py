"""jpegx explore: what a file allows in a region, what it forbids, and pictures of it."""

import click

from jpegx.cli.lazy_group import LazyGroup
from jpegx.exploration.tools import TOOLS

# In the order of a first use: where in jpegx.cli.explore_tools the command is.
COMMANDS = {
    "bounds": "bounds_tool:command",
    "nearest": "nearest_tool:command",
    "compare": "compare_tool:command",
    "glyphs": "glyphs_tool:command",
    "order": "order_tool:command",
    "compat": "compat_tool:command",
    **{tool: f"edit_tools:{tool}" for tool in TOOLS},
    "extremes": "summary_tools:extremes",
    "draws": "summary_tools:draws",
    "history": "session_tools:history",
    "replay": "session_tools:replay",
    "report": "session_tools:report",
    "serve": "serve_tool:command",
}

_EXAMPLES = """\b
Examples:
  jpegx explore bounds photo.jpg --region 8,0,24x16
  jpegx explore brighten photo.jpg --region 8,0,24x16 --model laplace -o brighter.png
  jpegx explore bounds --help
"""


@click.group(
    cls=LazyGroup,
    lazy={name: f"jpegx.cli.explore_tools.{where}" for name, where in COMMANDS.items()},
    epilog=_EXAMPLES,
    short_help="Tell what a JPEG file allows in a region, and what it forbids.",
)
def explore() -> None:
    """Tell what a JPEG file allows in a region, what it forbids, and show pictures of it.

    These kinds of statement are kept apart. Cannot: certified, for every picture that libjpeg
    (islow DCT) could have made the file from. Can: with a picture, which is exact and was measured.
    Near: with a picture that is not exact, which proves nothing. Likely: what the draws of a
    sampler show, and no more.

    Coordinates are pixels of the picture as it is stored, not rotated; 0,0 is the upper left one.
    """
