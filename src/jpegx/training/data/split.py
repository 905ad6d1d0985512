"""Which images a run trains on, and which it validates on: decided once, when it starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jpegx.errors import UnreadablePicture
from jpegx.io.picture_reader import read_rgb
from jpegx.training.data.images import ImageSet, NoImages, find_images
from jpegx.training.folder import BadRun, Names, RunFolder, Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Split:
    """``images`` to train on; ``kept_back``: uint8 (H, W, 3) each; ``names`` of both."""

    images: ImageSet
    kept_back: Sequence[np.ndarray]
    names: Names


def choose_images(settings: Settings, say: Say) -> Split:
    """The images of a new run; without a folder to validate on some are kept back, evenly.

    What cannot be read is left out and told to ``say``. Raises NoImages, BadRun if an image is in
    both folders.
    """
    data, count = settings.recipe.data, settings.recipe.validation.images
    images = ImageSet(_without_strips(settings.data), data.patch, data.cache_gigabytes, say)
    if settings.validation is None:
        paths, kept_back = images.keep_back(min(count, len(images) // 5))
        return Split(images, kept_back, _names(settings, images.paths, paths))
    others = find_images(settings.validation)[:count]
    shared = {path.resolve() for path in others} & {path.resolve() for path in images.paths}
    if shared:
        raise BadRun(f"{min(shared)}: an image to validate on is also trained on")
    validation = ImageSet(others, 1, data.cache_gigabytes, say)
    names = _names(settings, images.paths, validation.paths)
    return Split(images, [validation[index] for index in range(len(validation))], names)


def same_images(settings: Settings, folder: RunFolder, say: Say) -> Split:
    """The images of a run that goes on, whatever its folders hold by now.

    Of those to train on what is gone is left out and told to ``say``. Raises NoImages, BadRun if
    one to validate on is gone: figures of others would not compare.
    """
    names, data = folder.names(), settings.recipe.data
    trained = [settings.data / name for name in names.train]
    others = [(settings.validation or settings.data) / name for name in names.validate]
    images = ImageSet(trained, data.patch, data.cache_gigabytes, say)
    return Split(images, [_needed(path) for path in others], names)


def _needed(path: Path) -> np.ndarray:
    try:
        return read_rgb(path)
    except UnreadablePicture as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise BadRun(f"{path}: the run validates on it; put it back ({reason})") from error


def _without_strips(folder: Path) -> list[Path]:
    """The images below a folder, but for the strips of runs: these hold what was kept back."""
    paths = find_images(folder)
    strips = [RunFolder(settings.parent).strips for settings in folder.rglob(RunFolder.SETTINGS)]
    kept = [path for path in paths if not any(map(path.is_relative_to, strips))]
    if not kept:
        raise NoImages(f"{folder}: no images in it but the strips of runs")
    return kept


def _names(settings: Settings, trained: Sequence[Path], others: Sequence[Path]) -> Names:
    below = settings.validation or settings.data
    return Names(
        tuple(str(path.relative_to(settings.data)) for path in trained),
        tuple(str(path.relative_to(below)) for path in others),
    )
