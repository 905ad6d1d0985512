"""jpegx train glyphs: train the classifier of letters and digits from fonts."""

from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.weights_options import check_new, note_option, overwrite_option, parse_notes

_EXAMPLES = """\b
Examples:
  jpegx train glyphs /usr/share/fonts/truetype/dejavu mine.ttf glyphs.safetensors
  jpegx train glyphs fonts --keep others --steps 4000 glyphs.safetensors
"""


@click.command("glyphs", short_help="Train the classifier of letters and digits.", epilog=_EXAMPLES)
@click.argument("fonts", nargs=-1, required=True, type=NamedPath(), metavar="FONT...")
@click.argument("file", type=NamedPath(), metavar="FILE")
@click.option(
    "--keep",
    "kept",
    multiple=True,
    type=NamedPath(),
    metavar="FONT",
    help="Keep back, to measure on: a font, or a folder of them. Again for more.  [default: every "
    "fifth of those given]",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 1_000_000),
    default=1600,
    show_default=True,
    metavar="N",
    help="Of training, with 64 examples each.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 2),
    default=0,
    show_default=True,
    help="Of the weights and the examples.",
)
@overwrite_option
@note_option
@click.pass_obj
def glyphs(
    console: Console,
    fonts: tuple[Path, ...],
    file: Path,
    kept: tuple[Path, ...],
    steps: int,
    seed: int,
    overwrite: bool,
    notes: tuple[str, ...],
) -> None:
    """Train the classifier of letters and digits that jpegx explore glyphs and classify ask.

    FONT is a font (TrueType, OpenType) or a folder of them, of letters, not of symbols. Examples
    are drawn without end: turned, blurred, on uneven grounds, 10 to 48 pixels high, compressed at
    quality 5 to 95. FILE (.safetensors) gets the weights, in float16, and a card with what is
    measured on the fonts that were kept back. The classifier that comes with jpegx took five
    minutes of one core.

    Exit status: 0; 1, a font cannot be read, or the training failed; 2, wrong usage.
    """
    check_new(file, overwrite=overwrite)
    added = parse_notes(notes)

    from jpegx.exploration.rendered_glyphs import find_fonts
    from jpegx.models.glyph_classifier import save_classifier
    from jpegx.training.train_glyphs import GlyphTraining, train_glyphs

    given = [font for path in fonts for font in find_fonts(path)]
    held = [font for path in kept for font in find_fonts(path)]
    if not held:
        if len(given) < 2:
            raise click.UsageError("of one font none can be kept back; add --keep FONT.")
        held = given[1::5]
        given = [font for number, font in enumerate(given) if number % 5 != 1]
    network, card = train_glyphs(
        GlyphTraining(given, held, steps, seed),
        lambda step, loss: console.say(f"step {step} of {steps}: loss {loss:.3f}"),
    )
    save_classifier(file, network, card | added, overwrite=overwrite)
    console.say(f"{file}: {len(given)} fonts, {steps} steps")
