"""jpegx train: train generators; export and blend their weights."""

import os
import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.console import Console
from jpegx.cli.shared_options import Finite, device_option
from jpegx.models.zoo import SUFFIX, find

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.training.folder import Settings


_note_option = click.option(
    "--note",
    "notes",
    multiple=True,
    metavar="KEY=TEXT",
    help='Add to the card, as in --note "licence=CC BY 4.0". Again for more.',
)


_overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace FILE if it is there already."
)


_EXAMPLES = """\b
Examples:
  jpegx train --data pictures --recipe compact -o run
  jpegx train --resume run
  jpegx train --data pictures --set regression.steps=1000 --max-minutes 30 -o short
"""


@click.group(
    invoke_without_command=True,
    epilog=_EXAMPLES,
    short_help="Train generators; export and blend their weights.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of images to train on, sub-folders included.",
)
@click.option(
    "--recipe",
    metavar="NAME",
    help="What to train and how: a recipe of jpegx, or a TOML file.  [default: compact]",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="RUN", help="New folder of the run."
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the recipe, as in --set regression.steps=1000. Again for more.",
)
@click.option(
    "--validate",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of images to validate on.  [default: some of the data, kept back]",
)
@click.option(
    "--max-minutes",
    type=Finite(min=0, min_open=True),
    metavar="N",
    help="End after so long at most; the schedules are drawn together to fit.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was interrupted, as it was started.",
)
@click.option(
    "--stand-in",
    is_flag=True,
    help="Where a recipe needs weights that it does not name (VGG-19, a regression), go on with "
    "what stands in for them; the card then says so.",
)
@device_option
@click.option("--quiet", is_flag=True, help="No live table; messages are still shown.")
@click.pass_context
def train(
    ctx: click.Context,
    data: Path | None,
    recipe: str | None,
    output: Path | None,
    changes: tuple[str, ...],
    validate: Path | None,
    max_minutes: float | None,
    resume: Path | None,
    stand_in: bool,
    device: str,
    quiet: bool,
) -> None:
    """Train generators; export and blend their weights.

    The run's folder gets recipe.toml (every key of the recipe, with what it means), images.json
    (what is trained on, what kept back), log.jsonl (one line of JSON per entry), last.safetensors
    (to resume from), best.safetensors (weights of the best validation), and strips of pictures to
    look at. Patches of the images are compressed on the fly; images that cannot be read are named
    and left out.

    A run that is interrupted ends its step, leaves a checkpoint, and goes on with --resume RUN; one
    that is killed goes on from its last checkpoint. Under torchrun several processes share the
    work, and stop at once.

    Exit status: 0, the run is complete; 1, it failed; 2, wrong usage.
    """
    if ctx.invoked_subcommand is not None:
        return
    console: Console = ctx.obj
    if resume is not None:
        if data or recipe or output or changes or validate or max_minutes or stand_in:
            raise click.UsageError("--resume RUN goes on as the run was started; give it alone.")
        _run(console, resume, None, device, quiet=quiet)
        return
    if data is None or output is None:
        raise click.UsageError("give --data DIR and -o RUN, or --resume RUN.")

    from jpegx.training.folder import Settings
    from jpegx.training.recipe.recipe import load_recipe

    name = recipe or "compact"
    if stand_in:
        changes = (*changes, "training.stand_in=true")
    loaded = load_recipe(name, changes)
    settings = Settings(name, data, validate, max_minutes, loaded)
    _run(console, output, settings, device, quiet=quiet)


_EXPORT_EXAMPLES = """\b
Examples:
  jpegx train export run sampler.safetensors --note "licence=CC BY 4.0"
"""


@train.command(short_help="Write the weights of a run into a file.", epilog=_EXPORT_EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--best", is_flag=True, help="The weights of the best validation, not of the last checkpoint."
)
@_overwrite_option
@_note_option
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
    _check_new(file, overwrite=overwrite)
    added = _pairs(notes)

    from jpegx.training.export import export_weights
    from jpegx.training.folder import RunFolder

    card = export_weights(RunFolder(run), file, added, best=best, overwrite=overwrite)
    console.say(f"{file}: {card['stage']}, {card['steps']} steps")


_BLEND_EXAMPLES = """\b
Examples:
  jpegx train blend regression.safetensors=0.5 sampler.safetensors=0.5 between.safetensors
"""


@train.command(short_help="Mix the weights of several files into one.", epilog=_BLEND_EXAMPLES)
@click.argument("shares", nargs=-1, required=True, metavar="MODEL=SHARE...")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@_overwrite_option
@_note_option
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
    _check_new(file, overwrite=overwrite)
    added = _pairs(notes)
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


_RECIPE_EXAMPLES = """\b
Examples:
  jpegx train recipe
  jpegx train recipe compact
"""


@train.command(short_help="Print a recipe, or the names of all.", epilog=_RECIPE_EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
def recipe(name: str | None) -> None:
    """Print the recipe NAME with every key and what it means; without NAME, what there is."""
    from jpegx.training.recipe.recipe import load_recipe
    from jpegx.training.recipe.text import recipe_text
    from jpegx.training.recipe.toml_tables import recipe_names

    if name is None:
        click.echo("\n".join(recipe_names()))
    else:
        click.echo(recipe_text(load_recipe(name)), nl=False)


def _check_new(file: Path, *, overwrite: bool) -> None:
    if os.path.lexists(file) and not overwrite and file.suffix == SUFFIX:
        raise click.UsageError(f"{file} exists; add --overwrite to replace it.")
    if file.suffix != SUFFIX:
        raise click.UsageError(
            f"{file}: weights are files that end in {SUFFIX}; name the new one last."
        )


def _pairs(notes: tuple[str, ...]) -> dict[str, str]:
    pairs = [note.partition("=") for note in notes]
    if any(not key or not equals for key, equals, _ in pairs):
        raise click.UsageError("write --note KEY=TEXT.")
    return {key: text for key, _, text in pairs}


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


def _run(
    console: Console, path: Path, settings: "Settings | None", device: str, *, quiet: bool
) -> None:
    from jpegx.sampling.hardware import choose_device
    from jpegx.training.crew import own_device
    from jpegx.training.display import open_display
    from jpegx.training.folder import RunFolder
    from jpegx.training.run import resume_run, start_run

    folder = RunFolder(path)
    place = own_device(choose_device(device))
    with open_display(sys.stderr, console.say, quiet=quiet) as display:
        if settings is None:
            resume_run(folder, place, display, display.say)
        else:
            start_run(folder, settings, place, display, display.say)
