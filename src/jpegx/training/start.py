"""What a run starts from: weights, or another run, whose critic comes along."""

from dataclasses import replace
from pathlib import Path

from jpegx.models.checkpoint import load
from jpegx.models.zoo import find, installed
from jpegx.training.folder import RunFolder
from jpegx.training.networks import Start
from jpegx.training.recipe.keys import NetworkOptions
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.recipe.toml_tables import BadRecipe
from jpegx.training.run_checkpoint import load_run


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
        path = find(name)
        generator, _ = load(path)
        called = name if is_installed else str(path.resolve())
        return Start(called, generator, None, not generator.stochastic)
    folder = RunFolder(Path(name).resolve())
    made_with = folder.settings().recipe
    networks, position = load_run(folder, made_with)
    regression = made_with.last_stage(position.stage) == "regression"
    critic = None if regression else networks.critic
    return Start(str(folder.path), networks.average, critic, regression)


def check_reference(start: Start | None, recipe: Recipe) -> None:
    """Raise BadRecipe if X̄(Y) would be no regression."""
    from_regression = bool(recipe.regression.steps or (start and start.regression))
    if recipe.needs_reference and not recipe.moments.reference and not from_regression:
        key = "losses.second_moment" if recipe.losses.second_moment else "moments.guided"
        raise BadRecipe(
            f"{key} needs a regression: name one in moments.reference, or give regression.steps"
        )


def with_whole_paths(recipe: Recipe) -> Recipe:
    """The recipe with files named so that they are found from any folder, for a resumed run."""
    reference, vgg19 = recipe.moments.reference, recipe.losses.vgg19
    if reference and reference not in installed():
        moments = replace(recipe.moments, reference=str(find(reference).resolve()))
        recipe = replace(recipe, moments=moments)
    if vgg19:
        recipe = replace(recipe, losses=replace(recipe.losses, vgg19=str(Path(vgg19).resolve())))
    return recipe


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
