"""jpegx train export, blend, int8: files of weights, made of runs and of other weights."""

from math import isfinite
from pathlib import Path

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.weights_options import check_new, note_option, overwrite_option, parse_notes
from jpegx.models.zoo import find

_EXPORT_EXAMPLES = """\b
Examples:
  jpegx train export run sampler.safetensors --note "licence=CC BY 4.0"
"""


@click.command(short_help="Write the weights of a run into a file.", epilog=_EXPORT_EXAMPLES)
@click.argument("run", type=NamedPath(), metavar="RUN")
@click.argument("file", type=NamedPath(), metavar="FILE")
@click.option(
    "--best", is_flag=True, help="The weights of the best validation, not of the last checkpoint."
)
@overwrite_option
@note_option
@click.pass_obj
def export(
    console: Console,
    run: Path,
    file: Path,
    best: bool,
    overwrite: bool,
    notes: tuple[str, ...],
) -> None:
    """Write the weights of a run into FILE (.safetensors), as jpegx decode --model FILE reads them.

    They are the moving average, in float16, with a card that says what they were trained on.
    """
    check_new(file, overwrite=overwrite)
    added = parse_notes(notes)

    from jpegx.training.export import export_weights
    from jpegx.training.folder import RunFolder

    card = export_weights(RunFolder(run), file, added, best=best, overwrite=overwrite)
    console.say(f"{file}: {card['stage']}, {card['steps']} steps")


_BLEND_EXAMPLES = """\b
Examples:
  jpegx train blend regression.safetensors=0.5 sampler.safetensors=0.5 between.safetensors
"""


@click.command(short_help="Mix the weights of several files into one.", epilog=_BLEND_EXAMPLES)
@click.argument("shares", nargs=-1, required=True, metavar="MODEL=SHARE...")
@click.argument("file", type=NamedPath(), metavar="FILE")
@overwrite_option
@note_option
@click.pass_obj
def blend(
    console: Console,
    shares: tuple[str, ...],
    file: Path,
    overwrite: bool,
    notes: tuple[str, ...],
) -> None:
    """Write a weighted sum of weights into FILE (.safetensors).

    MODEL is a name of jpegx models, or a safetensors file; the shares add up to 1. All must be of
    one network, and have most of their training in common; some may lack noise, dither
    or residual blocks.

    regression.safetensors=0.5 sampler.safetensors=0.5 lies half way between a regression and the
    sampler that was made from it: less detail, less error. new.safetensors=1 sampler.safetensors=1
    old.safetensors=-1 adds to the regression new what made the sampler out of the regression old.

    The card has the temperature of the samplers if all have the same, unless a note says another.
    """
    check_new(file, overwrite=overwrite)
    added = parse_notes(notes)
    from jpegx.models.blend import blend as blend_weights
    from jpegx.models.checkpoint import save

    given = _shares(shares)
    if file.resolve() in {path.resolve() for path in given}:
        raise click.UsageError(f"{file}: is one of those to blend; give another FILE.")
    try:
        generator, card = blend_weights(given)
        save(file, generator, card | added, overwrite=overwrite)
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}.") from error
    console.say(f"{file}: {' + '.join(shares)}")


_INT8_EXAMPLES = """\b
Examples:
  jpegx train int8 sampler.safetensors --data pictures sampler-int8.safetensors
  jpegx train int8 sampler.safetensors --data pictures sampler.safetensors --overwrite
"""


@click.command(short_help="Fit weights to --precision int8.", epilog=_INT8_EXAMPLES)
@click.argument("model", metavar="MODEL")
@click.argument("file", type=NamedPath(), metavar="FILE")
@click.option(
    "--data",
    type=NamedPath(),
    required=True,
    metavar="DIR",
    help="Folder of images, sub-folders included; a few dozen are enough.",
)
@overwrite_option
@click.pass_obj
def int8(console: Console, model: str, file: Path, data: Path, overwrite: bool) -> None:
    """Write the weights of MODEL into FILE (.safetensors), with what --precision int8 needs.

    That is how large the features of its residual blocks are, measured on the images, compressed at
    qualities from 5 to 95. The weights stay as they are, and the pictures of the other precisions
    too. It takes a minute. Weights of export and blend have no ranges: this comes last.
    """
    check_new(file, overwrite=overwrite)
    from jpegx.training.int8_weights import write_int8

    count = write_int8(model, data, file, overwrite=overwrite, skipped=console.say)
    console.say(f"{file}: ranges for int8, of {count} images")


def _shares(texts: tuple[str, ...]) -> dict[Path, float]:
    given: dict[Path, float] = {}
    for text in texts:
        model, _, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = float("nan")
        if not model or not isfinite(number):
            raise click.UsageError(f"{text}: write MODEL=SHARE, as in general=0.5.")
        path = find(model)
        if path.resolve() in {other.resolve() for other in given}:
            raise click.UsageError(f"{model}: is given twice.")
        given[path] = number
    return given
