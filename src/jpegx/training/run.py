"""A training run from beginning to end: put together from its parts, started or resumed."""

from collections.abc import Callable
from dataclasses import replace

import torch

from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew, join_crew
from jpegx.training.data.loader import load_steps
from jpegx.training.data.patches import PatchRules
from jpegx.training.data.split import choose_images, same_images
from jpegx.training.folder import RunFolder, Settings
from jpegx.training.networks import Start, create_networks
from jpegx.training.observer import Display, RunObserver
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.recipe.toml_tables import BadRecipe
from jpegx.training.stages.adversarial import AdversarialStage
from jpegx.training.stages.regression import RegressionStage
from jpegx.training.start import check_reference, network_of, read_start, with_whole_paths
from jpegx.training.stopwatch import Stopwatch
from jpegx.training.trainer import Stage, Trainer

Say = Callable[[str], None]


def start_run(
    folder: RunFolder, settings: Settings, device: torch.device, display: Display, say: Say
) -> None:
    """Train from the beginning, into a new folder. Raises JpegxError, OSError."""
    recipe = settings.recipe
    start = read_start(recipe)
    check_reference(start, recipe)
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
    try:
        networks = create_networks(recipe, device, start)
    except ValueError as error:  # a configuration that the family refuses
        raise BadRecipe(f"{settings.name}: {error}") from error
    watch = Stopwatch(device)
    regression = RegressionStage(recipe.regression.loss, networks, precision, crew, watch)
    stages: dict[str, Stage] = {"regression": regression}
    if recipe.adversarial.steps:
        stages["adversarial"] = AdversarialStage(recipe, networks, precision, crew, watch)
        if recipe.losses.perceptual and not recipe.losses.vgg19:
            say(f"losses.vgg19 names no file: {_stand_in(recipe)} the perceptual loss")
    split = choose_images(settings, say) if new else same_images(settings, folder, say)
    observer = None
    if crew.is_first:
        observer = RunObserver(recipe, folder, networks, split.kept_back, precision, display, say)
    if new and crew.is_first:
        # Not before all that a user can mend has been found well.
        folder.create(settings, split.names)
    trainer = Trainer(
        recipe, settings.limit, networks, stages, folder, crew, watch, observer, device
    )
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


def _stand_in(recipe: Recipe) -> str:
    return "feature matching in the place of" if recipe.losses.feature_matching else "without"


def _silent(line: str) -> None:
    """What the processes other than the first say."""
