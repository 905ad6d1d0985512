"""The weights of a run as a file that jpegx decodes with."""

from collections.abc import Mapping
from pathlib import Path

from jpegx.models import checkpoint
from jpegx.models.generator import Generator
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer
from jpegx.training.cards import make_card
from jpegx.training.folder import BadRun, RunFolder
from jpegx.training.run_checkpoint import load_run
from jpegx.training.stages.catalogue import stages


def export_weights(
    folder: RunFolder, target: Path, notes: Mapping[str, str], *, best: bool, overwrite: bool
) -> dict[str, object]:
    """Write the averaged weights of a run, float16, with their card; returns the card.

    Those of the last checkpoint, or the ``best`` of the stage that came last, by its validations.
    A regression is written without its inputs for noise, so that all of its samples are equal.
    ``notes`` are added to the card. A file that is there is replaced with ``overwrite`` only.
    Raises BadRun, UnreadableCheckpoint, BadCheckpoint, OSError.
    """
    if best:
        if not folder.best.exists():
            raise BadRun(f"{folder.path}: nothing was validated yet; leave out --best")
        generator, card = checkpoint.load(folder.best)
    else:
        generator, position, _ = load_run(folder)
        card = make_card(folder, folder.settings().recipe, position)
    stage = stages().get(str(card.get("stage")))
    if stage is not None and not stage.samples and generator.stochastic:
        generator = _without_noise(generator)
    card |= notes
    try:
        checkpoint.save(target, generator, card, overwrite=overwrite)
    except ValueError as error:
        raise BadRun(f"{folder.path}: {error}; the training has diverged") from error
    return card


def _without_noise(generator: Generator) -> Generator:
    """The same network without its inputs for noise: a regression was trained with noise of 0."""
    config = generator.config_class.silent(generator.config.to_dict())
    plain = generators.create(generator.family, config)
    transfer(generator, plain)
    return plain
