"""jpegx explore compare: can the file tell two pictures apart?"""

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
    region_options,
    tolerance_option,
)
from jpegx.cli.explore_question import Question, question_options

_EXAMPLES = """\b
Examples:
  jpegx explore compare photo.jpg one.png other.png --region 8,0,16x16
  jpegx explore compare photo.jpg one.png other.png --luma --tolerance 2
"""


@click.command(
    "compare", short_help="Tell whether the file rules out one of two pictures.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@click.argument("first", metavar="A", type=NamedPath())
@click.argument("second", metavar="B", type=NamedPath())
@at_option
@region_options
@luma_option
@tolerance_option
@question_options
@click.pass_obj
def command(
    console: Console,
    first: Path,
    second: Path,
    at: tuple[int, int] | None,
    region: RegionRequest,
    luma: bool,
    tolerance: float,
    question: Question,
) -> None:
    """Tell whether the file rules out picture A, picture B, or neither, in a region.

    As jpegx explore nearest does it for one. If the file allows a picture within the tolerance of
    each, it cannot tell them apart, whatever else speaks for one of them.

    Exit status: 0, both are consistent; 1, the file, a picture or the region cannot be read or
    used; 2, wrong usage; 4, certified: at least one is impossible; 5, undecided.
    """
    from jpegx.exploration.comparison import answer_compare
    from jpegx.exploration.hypothesis import read_hypothesis

    with question.opened(console) as file:
        hypotheses = tuple(read_hypothesis(path, file.layout, at) for path in (first, second))
        answer, found = answer_compare(
            file,
            question.name,
            (hypotheses[0], hypotheses[1]),
            region.select(file.layout),
            tolerance=tolerance,
            luma=luma,
        )
        question.tell(file, answer)
    verdicts = {nearness.verdict(tolerance) for nearness in found}
    worst = next(v for v in ("impossible", "undecided", "consistent") if v in verdicts)
    sys.exit(DECIDED[worst])
