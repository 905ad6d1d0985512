"""jpegx explore: what a file allows in a region, what it forbids, and pictures of it."""

import click

from jpegx.cli.lazy_group import LazyGroup

# In the order of a first use: the module of jpegx.cli.explore_tools that has the command.
TOOLS = {
    "bounds": "bounds_tool",
}

_EXAMPLES = """\b
Examples:
  jpegx explore bounds photo.jpg --region 8,0,24x16
  jpegx explore bounds --help
"""


@click.group(
    cls=LazyGroup,
    lazy={name: f"jpegx.cli.explore_tools.{file}:command" for name, file in TOOLS.items()},
    epilog=_EXAMPLES,
    short_help="Tell what a JPEG file allows in a region, and what it forbids.",
)
def explore() -> None:
    """Tell what a JPEG file allows in a region, what it forbids, and show pictures of it.

    Three kinds of statement are kept apart. Cannot: certified, for every picture that libjpeg
    (islow DCT) could have made the file from. Can: with a picture, which is exact and was measured.
    Likely: what the draws of a sampler show, and no more.

    Coordinates are pixels of the picture as it is stored, not rotated; 0,0 is the upper left one.
    """
