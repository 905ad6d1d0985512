"""jpegx explore bounds: what a region can have at least and at most."""

import click

from jpegx.cli.arguments import name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    RegionRequest,
    failures,
    json_option,
    open_jpeg,
    region_options,
    show,
)
from jpegx.cli.shared_options import max_pixels_option

_EXAMPLES = """\b
Examples:
  jpegx explore bounds photo.jpg --region 8,0,24x16
  jpegx explore bounds photo.jpg --ellipse 4,4,12x9 --snap blocks --json
"""


@click.command(
    "bounds", short_help="Tell what a region can have at least and at most.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@region_options
@json_option
@max_pixels_option
@click.pass_obj
def command(
    console: Console, jpeg: str, region: RegionRequest, as_json: bool, max_pixels: int
) -> None:
    """Tell what a region can have at least and at most.

    For the mean of each component over the region: certified ends, which no picture that the file
    allows exceeds.

    Exit status: 0; 1, the file or the region cannot be read or used; 2, wrong usage.
    """
    from jpegx.exploration.bounds import bounds

    name = name_of(jpeg)
    with failures(console, name):
        file = open_jpeg(console, jpeg, max_pixels)
        answer = bounds(file, name, region.select(file.layout))
    show(answer, as_json=as_json)
