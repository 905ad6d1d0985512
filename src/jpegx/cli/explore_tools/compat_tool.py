"""jpegx explore compat: could a picture be the source of a file, and of which encoder?"""

import sys
from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    DECIDED,
    RegionRequest,
    overwrite_option,
    region_options,
    writable,
)
from jpegx.cli.explore_pictures import refuse_existing, write_map
from jpegx.cli.explore_question import Question, question_options

_EXAMPLES = """\b
Examples:
  jpegx explore compat photo.jpg theirs.png
  jpegx explore compat photo.jpg theirs.png --region 0,0,16x16 -o map.png
"""


@click.command(
    "compat", short_help="Tell of which encoder a picture could be the source.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@click.argument("picture", type=NamedPath())
@region_options
@click.option(
    "-o",
    "--output",
    type=NamedPath(),
    metavar="PNG",
    callback=writable("file"),
    help="Write a map: green where libjpeg 6b gives the file's coefficients, yellow where only "
    "another encoder does, red where none does.",
)
@overwrite_option
@question_options
@click.pass_obj
def command(
    console: Console,
    picture: Path,
    region: RegionRequest,
    output: Path | None,
    overwrite: bool,
    question: Question,
) -> None:
    """Tell, unit by unit (MCU), of which encoder a picture could be the source.

    PICTURE is encoded as libjpeg 6b, libjpeg-turbo, libjpeg 9 (which scales chroma down otherwise)
    and mozjpeg (trellis) do it, with the tables and the sampling of FILE, and the coefficients are
    counted that are not FILE's.

    Exit status: 0, some encoder gives the file's coefficients everywhere in the region; 1, the
    file, the picture or the region cannot be read or used; 2, wrong usage; 4, none does.
    """
    from jpegx.exploration.compatibility import answer_compatible
    from jpegx.io.picture_reader import read_comparable

    with question.opened(console) as file:
        refuse_existing([output], overwrite=overwrite)
        layout = file.layout
        size = layout.width, layout.height
        pixels = read_comparable(picture, str(picture), size)
        answer, found = answer_compatible(
            file, question.name, pixels, str(picture), region.select(layout)
        )
        if output is not None:
            write_map(output, found.map(layout.mcu_size, size), overwrite=overwrite)
        question.tell(file, answer)
    possible = any(not counts.any() for counts in found.different.values())
    sys.exit(DECIDED["consistent" if possible else "impossible"])
