"""What may be wrong with the tables that all stages share."""

from collections.abc import Iterator

from jpegx.models.registry import generators
from jpegx.training.data.patches import SAMPLINGS
from jpegx.training.options import CommonOptions


def common_problems(recipe: CommonOptions) -> Iterator[str]:
    """What is wrong with the values of a recipe, beside its stages; each names the key."""
    yield from _data_problems(recipe)
    training, validation, run = recipe.training, recipe.validation, recipe.run
    counts = {
        "training.accumulate": training.accumulate,
        "validation.images": validation.images,
        "validation.crop": validation.crop,
        "validation.samples": validation.samples,
        "run.log_every": run.log_every,
        "run.save_every": run.save_every,
        "run.validate_every": run.validate_every,
        "run.strips_every": run.strips_every,
    }
    yield from (f"{key} must be at least 1" for key, count in counts.items() if count < 1)
    if training.ema >= 1:
        yield "training.ema must be below 1"
    yield from training.optimizer_problems("training")
    if training.precision not in ("auto", "bfloat16", "float32"):
        yield "training.precision must be auto, bfloat16 or float32"
    qualities = validation.qualities
    if not qualities or any(not 1 <= quality <= 100 for quality in qualities):
        yield "validation.qualities must be from 1 to 100"
    if validation.sampling not in SAMPLINGS:
        yield f"validation.sampling must be one of {', '.join(SAMPLINGS)}"
    if not recipe.generator.family:
        yield "generator.family must be given"
    elif recipe.generator.family not in generators.families():
        known = ", ".join(sorted(generators.families()))
        yield f"generator.family: unknown family, not one of {known}"


def _data_problems(recipe: CommonOptions) -> Iterator[str]:
    data, parts = recipe.data, recipe.training.accumulate
    for key, count in {"patch": data.patch, "batch": data.batch, "groups": data.groups}.items():
        if count < 1:
            yield f"data.{key} must be at least 1"
    if data.patch % 16:
        yield "data.patch must be a multiple of 16"
    if data.groups and data.batch % data.groups:
        yield "data.batch must be a multiple of data.groups"
    if parts and data.groups % parts:
        yield "data.groups must be a multiple of training.accumulate"
    low, high = data.quality
    if not 1 <= low <= high <= 100:
        yield "data.quality must be from 1 to 100, the lower first"
    weights = data.sampling
    known = all(name in SAMPLINGS for name in weights)
    if not weights or not known or any(not 0 < weight < 1e6 for weight in weights.values()):
        yield f"data.sampling must be out of {', '.join(SAMPLINGS)}, weights positive"
    if any(not 1 <= quality <= 100 for quality in data.qualities):
        yield "data.qualities must be from 1 to 100"
    if not 0.01 <= data.quality_power <= 100:
        yield "data.quality_power must be from 0.01 to 100"
    for key, share in {"native": data.native, "other_tables": data.other_tables}.items():
        if share > 1:
            yield f"data.{key} must be from 0 to 1"
    if data.workers > 256:
        yield "data.workers must be at most 256"
