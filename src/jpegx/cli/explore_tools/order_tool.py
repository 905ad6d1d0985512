"""jpegx explore order: can areas be brighter than others, all at once?"""

import sys
from pathlib import Path

import click

from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    DECIDED,
    output_option,
    overwrite_option,
)
from jpegx.cli.explore_pictures import named, refuse_existing, write_patches
from jpegx.cli.explore_question import Question, question_options
from jpegx.cli.shared_options import Finite

_EXAMPLES = """\b
Examples:
  jpegx explore order photo.jpg --brighter 0,0,8x8 16,0,8x8 5
  jpegx explore order photo.jpg --brighter 0,0,8x8 8,0,8x8 2 --brighter 8,0,8x8 16,0,8x8 2 -o o.png
"""


@click.command(
    "order", short_help="Tell whether areas can be brighter than others.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@click.option(
    "--brighter",
    "wanted",
    required=True,
    multiple=True,
    type=(str, str, Finite(-255, 255)),
    metavar="X,Y,WxH X,Y,WxH LEVELS",
    help="The mean of the first rectangle is above that of the second by so many levels at least. "
    "Again for more, which must hold together.",
)
@click.option(
    "--component",
    type=click.Choice(["Y", "Cb", "Cr", "R", "G", "B"]),
    default=None,
    help="Of which component.  [default: the first]",
)
@output_option
@overwrite_option
@question_options
@click.pass_obj
def command(
    console: Console,
    wanted: tuple[tuple[str, str, float], ...],
    component: str | None,
    output: Path | None,
    overwrite: bool,
    question: Question,
) -> None:
    """Tell whether areas can be brighter than others, all at once.

    Either it is certified that no picture that libjpeg (islow DCT) could have made the file from
    meets all of the inequalities, or an exact picture that does is found (-o writes it), or it is
    undecided.

    Exit status: 0, a picture is found; 1, the file or an area cannot be read or used; 2, wrong
    usage; 4, certified: there is none; 5, undecided.
    """
    from jpegx.exploration.order import Inequality, answer_order
    from jpegx.exploration.selection import select
    from jpegx.exploration.shapes import BadRegion, parse_rectangle

    try:
        areas = [(parse_rectangle(a), parse_rectangle(b), levels) for a, b, levels in wanted]
    except BadRegion as error:
        raise click.BadParameter(str(error), param_hint="--brighter") from None
    with question.opened(console) as file:
        refuse_existing([output], overwrite=overwrite)
        inequalities = [
            Inequality(select(file.layout, [a]), select(file.layout, [b]), levels)
            for a, b, levels in areas
        ]
        answer, verdict, patch = answer_order(file, question.name, inequalities, component)
        if output is not None and verdict == "consistent":
            pictures = {"an order of brightness": (output, patch)}
            answer = named(
                answer, write_patches(pictures, file, question.name, overwrite=overwrite)
            )
        question.tell(file, answer)
    sys.exit(DECIDED[verdict])
