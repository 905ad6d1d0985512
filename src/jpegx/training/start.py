"""What a run starts from: weights, or another run, whose critic comes along."""

from dataclasses import replace
from pathlib import Path

import torch

from jpegx.models.checkpoint import load
from jpegx.models.zoo import find, installed
from jpegx.training.checkpoint import load_checkpoint
from jpegx.training.folder import BadRun, RunFolder
from jpegx.training.networks import Start, create_networks
from jpegx.training.options import NetworkOptions
from jpegx.training.recipe import Recipe


def read_start(recipe: Recipe) -> Start | None:
    """What ``training.start`` names; None if it names nothing.

    Of a run these are the averaged weights of its last checkpoint, and its critic, if it had come
    to one. A critic that begins anew has first to learn what the old one knew, and the samples get
    worse for as long. Raises BadCheckpoint, BadRun, BadRecipe, UnreadableCheckpoint.
    """
    name = recipe.training.start
    if not name:
        return None
    if name in installed() or not Path(name).is_dir():
        generator, _ = load(find(name))
        return Start(name, generator, None)
    folder = RunFolder(Path(name))
    old = folder.settings().recipe
    # What only a run itself needs may be gone.
    old = replace(old, moments=replace(old.moments, reference=""))
    try:
        networks = create_networks(old, torch.device("cpu"), None)
    except ValueError as error:
        raise BadRun(f"{name}: of another version of jpegx: {error}") from error
    position = load_checkpoint(folder.last, networks)
    untrained = position.stage == "regression"
    return Start(name, networks.average, None if untrained else networks.critic)


def network_of(start: Start, recipe: Recipe) -> NetworkOptions:
    """The network that a run has which starts so, so that it is resumed without what it began with.

    A sampler's noise is not its start's but its own; so is its dither, if the recipe gives it.
    """
    config = start.generator.config.to_dict()
    if recipe.adversarial.steps and "noise" in config:
        config["noise"] = True
        if "dither" in recipe.generator.config:
            config["dither"] = recipe.generator.config["dither"]
    return NetworkOptions(start.generator.family, config)
