"""jpegx explore nearest: how near a file comes to a picture that one has in mind."""

import sys
from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    DECIDED,
    RegionRequest,
    at_option,
    luma_option,
    output_option,
    overwrite_option,
    region_options,
    tolerance_option,
)
from jpegx.cli.explore_pictures import named, refuse_existing, write_patches
from jpegx.cli.explore_question import Question, question_options

_EXAMPLES = """\b
Examples:
  jpegx explore nearest photo.jpg --image guess.png --region 8,0,16x16
  jpegx explore nearest photo.jpg --image sign.png --at 4,4 --luma -o nearest.png
"""


@click.command(
    "nearest",
    short_help="Find the picture that the file allows nearest to another.",
    epilog=_EXAMPLES,
)
@click.argument("jpeg", metavar="FILE")
@click.option(
    "--image",
    required=True,
    type=NamedPath(),
    metavar="PICTURE",
    help="The picture that one has in mind; where it is transparent nothing is asked.",
)
@at_option
@region_options
@luma_option
@tolerance_option
@output_option
@overwrite_option
@question_options
@click.pass_obj
def command(
    console: Console,
    image: Path,
    at: tuple[int, int] | None,
    region: RegionRequest,
    luma: bool,
    tolerance: float,
    output: Path | None,
    overwrite: bool,
    question: Question,
) -> None:
    """Find the picture that the file allows nearest to another one, in a region.

    Two ends are told: a distance below which no picture is that libjpeg (islow DCT) could have made
    the file from, certified; and that of an exact picture, which -o writes. Between them lies the
    truth about the nearest one.

    Exit status: 0, a picture within the tolerance is found; 1, the file, the picture or the region
    cannot be read or used; 2, wrong usage; 4, certified: there is none; 5, undecided.
    """
    from jpegx.exploration.comparison import answer_nearest
    from jpegx.exploration.hypothesis import read_hypothesis

    with question.opened(console) as file:
        refuse_existing([output], overwrite=overwrite)
        hypothesis = read_hypothesis(image, file.layout, at)
        answer, found = answer_nearest(
            file,
            question.name,
            hypothesis,
            region.select(file.layout),
            tolerance=tolerance,
            luma=luma,
        )
        if output is not None:
            pictures = {f"nearest to {image.name}": (output, found.patch)}
            written = write_patches(pictures, file, question.name, overwrite=overwrite)
            answer = named(answer, written)
        question.tell(file, answer)
    sys.exit(DECIDED[found.verdict(tolerance)])
