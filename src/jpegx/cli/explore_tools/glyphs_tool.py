"""jpegx explore glyphs: which letters or digits does a file rule out in a region?"""

from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.explore_options import (
    RegionRequest,
    overwrite_option,
    region_options,
    writable,
)
from jpegx.cli.explore_pictures import named, refuse_existing, write_patches
from jpegx.cli.explore_question import Question, question_options
from jpegx.cli.shared_options import Finite

_EXAMPLES = """\b
Examples:
  jpegx explore glyphs photo.jpg --region 2,1,8x11 --among 38 --height 8
  jpegx explore glyphs photo.jpg --region 2,1,8x11 --fonts fonts -o read
"""


@click.command(
    "glyphs", short_help="Tell which letters or digits a file rules out.", epilog=_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@region_options
@click.option(
    "--among",
    default="0123456789",
    show_default=True,
    metavar="CHARACTERS",
    help="The characters to hold against the file.",
)
@click.option(
    "--fonts",
    type=NamedPath(),
    metavar="FONTS",
    help="A font (TrueType, OpenType), or a folder of them.  [default: the one of Pillow]",
)
@click.option(
    "--height",
    "heights",
    multiple=True,
    type=click.IntRange(4, 256),
    metavar="PIXELS",
    help="How high the characters are. Again for more.  [default: some that fit the region]",
)
@click.option(
    "--ink",
    type=click.Choice(["dark", "light", "both"]),
    default="both",
    show_default=True,
    help="Whether they are darker or lighter than their ground.",
)
@click.option(
    "--contrast",
    type=Finite(1, 255),
    default=32.0,
    show_default=True,
    metavar="LEVELS",
    help="By how much at least.",
)
@click.option(
    "--turn",
    type=Finite(0, 45),
    default=4.0,
    show_default=True,
    metavar="DEGREES",
    help="By how much the nearest ones are turned, to both sides, to come nearer.",
)
@click.option(
    "--tolerance",
    type=Finite(0, 255),
    default=8.0,
    show_default=True,
    metavar="LEVELS",
    help="A character this near (gray levels, root mean square) is not ruled out.",
)
@click.option(
    "--classifier",
    type=NamedPath(),
    metavar="FILE",
    help="Whose opinion is told: a file of jpegx train glyphs.  [default: the one of jpegx]",
)
@click.option(
    "-o",
    "--output",
    type=NamedPath(),
    metavar="FOLDER",
    callback=writable("folder"),
    help="Write for each character the exact picture that comes nearest to it.",
)
@overwrite_option
@question_options
@click.pass_obj
def command(
    console: Console,
    region: RegionRequest,
    among: str,
    fonts: Path | None,
    heights: tuple[int, ...],
    ink: str,
    contrast: float,
    turn: float,
    tolerance: float,
    classifier: Path | None,
    output: Path | None,
    overwrite: bool,
    question: Question,
) -> None:
    """Tell which letters or digits a file rules out in a region, by brightness.

    Each character is tried in each font and height at each whole pixel in the region, the nearest
    ones also moved by parts of pixels and turned, with free brightness and contrast: a distance is
    certified below which no picture is that the file allows, and an exact picture is found that
    comes near. Nothing is identified by that: what is not ruled out is possible, and no more.
    Apart from it, as likely: what a small network takes the ordinary decoder's picture for.

    Exit status: 0; 1, the file, the region or a font cannot be read or used; 2, wrong usage.
    """
    from jpegx.exploration.glyphs import (
        INKS,
        GlyphRequest,
        answer_glyphs,
        fitting_heights,
    )
    from jpegx.exploration.rendered_glyphs import Font, find_fonts
    from jpegx.models.glyph_classifier import open_classifier

    if not among.strip() or len(among) > 200:
        raise click.BadParameter("give 1 to 200 characters", param_hint="--among")
    characters = "".join(among.split())
    files = {} if output is None else {c: output / f"U+{ord(c):04X}.png" for c in characters}
    with question.opened(console) as file:
        refuse_existing(files.values(), overwrite=overwrite)
        selection = region.select(file.layout)
        request = GlyphRequest(
            characters,
            [Font(None)] if fonts is None else find_fonts(fonts),
            heights or fitting_heights(selection),
            list(INKS) if ink == "both" else [ink],
            contrast,
            turn,
        )
        answer, pictures = answer_glyphs(
            file, question.name, selection, request, tolerance, open_classifier(classifier)
        )
        if output is not None:
            found = {f"nearest to {c!r}": (files[c], patch) for c, patch in pictures.items()}
            answer = named(answer, write_patches(found, file, question.name, overwrite=overwrite))
        question.tell(file, answer)
