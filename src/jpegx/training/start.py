"""What a run starts from: weights, or another run, whose critic comes along."""

from dataclasses import replace
from pathlib import Path

from jpegx.models.checkpoint import open_model
from jpegx.models.zoo import installed
from jpegx.training.folder import RunFolder
from jpegx.training.networks import Start
from jpegx.training.options import BadRecipe, NetworkOptions
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.run_checkpoint import load_run
from jpegx.training.stages.catalogue import stages


def read_start(recipe: Recipe) -> Start | None:
    """What ``training.start`` names; None if it names nothing.

    Of a run these are the averaged weights of its last checkpoint, and its critic, if it had come
    to one. A critic that begins anew has first to learn what the old one knew, and the samples get
    worse for as long. Raises BadCheckpoint, BadRun, BadRecipe, UnreadableCheckpoint.
    """
    name = recipe.training.start
    if not name:
        return None
    is_installed = name in installed()
    if is_installed or not Path(name).is_dir():
        path, generator, _ = open_model(name)
        called = name if is_installed else str(path.resolve())
        return Start(called, generator, not generator.stochastic)
    folder = RunFolder(Path(name).resolve())
    generator, position, networks = load_run(folder)
    stage = folder.settings().recipe.last_stage(position.stage)
    return Start(str(folder.path), generator, not stages()[stage].samples, stage, networks)


def check_start(start: Start | None, recipe: Recipe, name: str) -> None:
    """Raise BadRecipe, which calls the recipe ``name``, if a stage cannot begin with ``start``."""
    regression, started = start is not None and start.regression, start is not None
    problems: list[str] = []
    if recipe.training.frozen and not started:
        problems.append("training.frozen needs training.start, whose weights it holds")
    elif recipe.training.needs_start and not started:
        problems.append("training.start must name the weights or the run that it goes on from")
    for stage in recipe.active:
        options = recipe.stages[stage]
        brought = start is not None and start.stage == stage and stages()[stage].keeps_reference
        has = regression or brought
        problems += options.problems_of_start(recipe, regression=has, started=started)
        regression, started = not stages()[stage].samples, True
    if problems:
        raise BadRecipe(name, problems)


def with_whole_paths(recipe: Recipe) -> Recipe:
    """The recipe with files named so that they are found from any folder, for a resumed run."""
    whole = {name: options.with_whole_paths() for name, options in recipe.stages.items()}
    return replace(recipe, stages=whole)


def network_of(start: Start, recipe: Recipe) -> NetworkOptions:
    """The network that a run has which starts so, so that it is resumed without what it began with.

    That of the start, but for what the family lets a recipe decide (:meth:`Config.started`): a
    sampler's noise, a last projection, residual blocks beyond those of the start.
    """
    generator = start.generator
    config = generator.config_class.started(
        generator.config.to_dict(), recipe.generator.config, sampler=recipe.makes_sampler
    )
    return NetworkOptions(generator.family, config)
