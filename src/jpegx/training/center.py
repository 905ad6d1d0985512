"""Weights whose samples lie around a regression: the same, with a card that says so."""

from collections.abc import Callable, Mapping
from dataclasses import astuple
from math import ceil
from pathlib import Path

from jpegx.models import checkpoint
from jpegx.models.center import BadCenter
from jpegx.models.header import BadCheckpoint
from jpegx.models.temperature import card_temperature
from jpegx.models.zoo import installed
from jpegx.sampling.centered import load_center
from jpegx.sampling.device import choose_device
from jpegx.sampling.precision import prepare
from jpegx.training.drift import MeasuredDrift, measure_drift
from jpegx.training.images import ImageSet, find_images
from jpegx.training.loader import load_steps
from jpegx.training.patches import PatchRules
from jpegx.training.recipe import load_recipe

_DIGITS = 4


def center_weights(
    model: Path,
    center: str,
    target: Path,
    notes: Mapping[str, str],
    *,
    data: Path,
    patches: int,
    device: str,
    say: Callable[[str], None],
    reached: Callable[[int], None],
) -> MeasuredDrift:
    """Write a sampler's weights with a card that names its center and its drift; returns the drift.

    ``center``: name of an installed regression. The drift is measured on ``patches`` random patches
    of the images below ``data``, drawn and compressed as in the recipe "compact". ``notes`` are
    added to the card before; a temperature among them counts. ``say`` is told which images cannot
    be used, ``reached`` how many patches are done. Raises BadCenter, BadCheckpoint, NoImages,
    LostImage, OSError.
    """
    if center not in installed():
        raise BadCenter(f"{center}: not the name of installed weights; jpegx models tells them")
    _, regression = load_center(center)
    sampler, card = checkpoint.load(model)
    card |= notes
    temperature = card_temperature(model, card)
    if not sampler.stochastic or not temperature:
        raise BadCheckpoint(f"{model}: gives one picture, no samples; name a sampler")

    options = load_recipe("compact").data
    images = ImageSet(find_images(data), options.patch, options.cache_gigabytes, say)
    parts, steps = range(options.groups), range(ceil(patches / options.batch))
    batches = load_steps(images, PatchRules.of(options), 0, len(parts), parts, steps, workers=0)
    place = choose_device(device)
    measured = measure_drift(
        prepare(sampler, place, "auto"),
        prepare(regression, place, "auto"),
        batches,
        temperature,
        lambda done: reached(min(done, patches)),
    )

    unchanged, _ = checkpoint.load(model)  # the other may be in bfloat16 now
    shares = [round(share, _DIGITS) for share in astuple(measured.drift)]
    checkpoint.save(target, unchanged, {**card, "center": center, "drift": shares})
    return measured
