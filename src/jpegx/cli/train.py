"""jpegx train: train generators; export and blend their weights."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.console import Console
from jpegx.cli.glyph_training import glyphs
from jpegx.cli.shared_options import Finite, device_option
from jpegx.cli.train_weights import blend, export, int8

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.training.folder import Settings


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
    type=NamedPath(),
    metavar="DIR",
    help="Folder of images to train on, sub-folders included.",
)
@click.option(
    "--recipe",
    metavar="NAME",
    help="What to train and how: a recipe of jpegx, or a TOML file.  [default: compact]",
)
@click.option("-o", "--output", type=NamedPath(), metavar="RUN", help="New folder of the run.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the recipe, as in --set regression.steps=1000. Again for more.",
)
@click.option(
    "--validate",
    type=NamedPath(),
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
    type=NamedPath(),
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


for _command in (export, blend, int8, glyphs):
    train.add_command(_command)


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
