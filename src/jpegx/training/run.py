"""A training run from beginning to end: put together from its parts, started or resumed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew, join_crew
from jpegx.training.data.loader import load_steps
from jpegx.training.data.patches import PatchRules
from jpegx.training.data.split import choose_images, same_images
from jpegx.training.folder import RunFolder, Settings
from jpegx.training.networks import Networks, Start, create_networks
from jpegx.training.observer import Display, RunObserver
from jpegx.training.options import BadRecipe
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.stages.catalogue import stages
from jpegx.training.stages.stage import Stage, Workbench
from jpegx.training.start import check_start, network_of, read_start, with_whole_paths
from jpegx.training.stopwatch import Stopwatch
from jpegx.training.trainer import Trainer

Say = Callable[[str], None]


def start_run(
    folder: RunFolder, settings: Settings, device: torch.device, display: Display, say: Say
) -> None:
    """Train from the beginning, into a new folder. Raises JpegxError, OSError."""
    recipe = settings.recipe
    start = read_start(recipe)
    check_start(start, recipe, settings.name)
    if start is not None:
        training = replace(recipe.training, start=start.name)
        recipe = replace(recipe, training=training, generator=network_of(start, recipe))
    settings = replace(settings, recipe=with_whole_paths(recipe))
    with join_crew(device) as crew:
        if crew.is_first:
            folder.check_new()
        _train(folder, settings, device, crew, display, say, start, new=True, resumed=False)


def resume_run(folder: RunFolder, device: torch.device, display: Display, say: Say) -> None:
    """Go on with a run that was interrupted. Raises JpegxError, OSError."""
    with join_crew(device) as crew:
        settings = folder.settings()
        if crew.is_first:
            folder.remove_leftovers()
        # A run that was killed before its first checkpoint begins again.
        resumed = folder.last.exists()
        start = None if resumed else read_start(settings.recipe)
        _train(folder, settings, device, crew, display, say, start, new=False, resumed=resumed)


def _train(
    folder: RunFolder,
    settings: Settings,
    device: torch.device,
    crew: Crew,
    display: Display,
    say: Say,
    start: Start | None,
    *,
    new: bool,
    resumed: bool,
) -> None:
    recipe = settings.recipe
    if not crew.is_first:
        say = _silent
    precision = Precision.choose(recipe.training.precision, device)
    mine = crew.share(recipe.data.groups, recipe.training.accumulate)
    watch = Stopwatch(device)
    try:
        networks, made = make_stages(recipe, precision, crew, watch, start)
    except ValueError as error:  # a configuration that the family refuses
        raise BadRecipe(settings.name, [str(error)]) from error
    split = choose_images(settings, say) if new else same_images(settings, folder, say)
    for name in made:
        for line in recipe.stages[name].notes():
            say(line)
    if start is None and not resumed:
        networks.learn_statistics(split.images)
    observer = None
    if crew.is_first:
        observer = RunObserver(recipe, folder, networks, split.kept_back, precision, display, say)
    if new and crew.is_first:
        # Not before all that a user can mend has been found well.
        folder.create(settings, split.names)
    trainer = Trainer(recipe, settings.limit, networks, made, folder, crew, watch, observer, device)
    if resumed:
        trainer.resume()
        say(f"{folder.path}: resumed at step {trainer.position.step}")
    elif crew.is_first:
        folder.clear_log()
        folder.log(step=0, images=len(split.images), kept_back=len(split.kept_back))
    data = recipe.data
    rules = PatchRules.of(data)
    trainer.run(
        lambda steps: load_steps(
            split.images, rules, recipe.training.seed, data.groups, mine, steps, data.workers
        )
    )
    say(f"{folder.path}: done, {trainer.position.step} steps")


def make_stages(
    recipe: Recipe, precision: Precision, crew: Crew, watch: Stopwatch, start: Start | None
) -> tuple[Networks, dict[str, Stage[Any]]]:
    """The networks of a recipe, and its stages that have steps, in their order.

    With the weights of ``start``, or with those that the recipe's seed gives. Raises JpegxError for
    what cannot be started from or read, ValueError for an impossible configuration.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.training.seed)
        networks = create_networks(recipe.generator, precision.device, start)
        bench = Workbench(networks, precision, crew, watch, start)
        return networks, {
            name: stages()[name](recipe, recipe.stages[name], bench) for name in recipe.active
        }


def _silent(line: str) -> None:
    """What the processes other than the first say."""
