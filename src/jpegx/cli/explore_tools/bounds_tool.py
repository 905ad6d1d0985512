"""jpegx explore bounds: what a region can have at least and at most."""

import sys
from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    NOT_EXACT,
    RegionRequest,
    draw_request,
    draws_option,
    model_option,
    overwrite_option,
    region_options,
    seed_option,
    writable,
)
from jpegx.cli.explore_pictures import named, write_patches
from jpegx.cli.explore_question import Question, question_options
from jpegx.cli.shared_options import slack_option

_EXAMPLES = """\b
Examples:
  jpegx explore bounds photo.jpg --region 8,0,24x16 --quick
  jpegx explore bounds photo.jpg --ellipse 4,4,12x9 --snap blocks --quantity "mean Y" -o ends
"""


@click.command(
    "bounds", short_help="Tell what a region can have at least and at most.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@region_options
@click.option(
    "--quantity",
    "quantities",
    multiple=True,
    metavar="NAME",
    help='Tell only this, as "mean Y", "contrast Cb" or "std Y". Again for more.',
)
@click.option(
    "--quick", is_flag=True, help="From the cells alone, in closed form: no gamut, no pictures."
)
@click.option(
    "--unit-programs",
    type=click.IntRange(0, 10_000),
    default=4,
    show_default=True,
    metavar="N",
    help="Units (MCUs) at each end that are asked about the RGB cube, too, each some 0.2 seconds: "
    "first those with the widest gap between what is certified and what is shown.",
)
@click.option(
    "-o",
    "--output",
    type=NamedPath(),
    metavar="FOLDER",
    callback=writable("folder"),
    help="Write the pictures that come near to the ends into this folder.",
)
@slack_option(
    "What is certified then holds for every source whose coefficients are up to 0.5 + S steps "
    "from the file's: for files of encoders that do not simply round. The pictures are exact as "
    "ever."
)
@overwrite_option
@draws_option
@model_option
@seed_option
@question_options
@click.pass_obj
def command(
    console: Console,
    region: RegionRequest,
    quantities: tuple[str, ...],
    quick: bool,
    unit_programs: int,
    slack: float,
    output: Path | None,
    overwrite: bool,
    draws: int,
    model: str | None,
    seed: int,
    question: Question,
) -> None:
    """Tell what a region can have at least and at most.

    For the mean of each component over the region, its contrast (the mean less that of the 8 pixels
    around the region), and its standard deviation: certified ends, which no picture exceeds that
    libjpeg (islow DCT) could have made the file from; exact pictures that come near to them; and
    what is typical. Samples of Y, Cb and Cr are meant as the encoder has them, 0 to 255, each at
    the resolution of its component.

    Exit status: 0; 1, the file or the region cannot be read or used; 2, wrong usage; 3, pictures
    are written, but some are not exact.
    """
    from jpegx.exploration.bounds_answer import BoundsRequest, answer_bounds

    if quick and output is not None:
        raise click.UsageError("--quick makes no pictures; leave out -o.")
    likely = draw_request(draws, model, seed)
    request = BoundsRequest(quantities, quick, unit_programs, likely, slack)
    with question.opened(console) as file:
        answer = answer_bounds(file, question.name, region.select(file.layout), request)
        if output is not None:
            pictures = {
                what: (output / f"{what.replace(' ', '-')}.png", patch)
                for what, patch in answer.pictures.items()
            }
            answer = named(
                answer, write_patches(pictures, file, question.name, overwrite=overwrite)
            )
        question.tell(file, answer)
    if any(not patch.exact for patch in answer.pictures.values()) and output is not None:
        sys.exit(NOT_EXACT)
