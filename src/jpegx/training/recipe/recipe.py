"""Recipes: TOML files that say everything about a training run but its data and its folder."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin, get_type_hints

from jpegx.training.losses.sliced_crps import LEAST_SIZE
from jpegx.training.recipe.keys import (
    DataOptions,
    LossOptions,
    MomentOptions,
    NetworkOptions,
    RegressionOptions,
    RunOptions,
    StageOptions,
    TrainingOptions,
    ValidationOptions,
)
from jpegx.training.recipe.toml_tables import BadRecipe, Tables, read_recipe, recipe_tables


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run but its data and its folder; one field per table."""

    data: DataOptions = field(default_factory=DataOptions)
    generator: NetworkOptions = field(default_factory=NetworkOptions)
    critic: NetworkOptions = field(default_factory=NetworkOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    regression: RegressionOptions = field(default_factory=RegressionOptions)
    adversarial: StageOptions = field(default_factory=StageOptions)
    losses: LossOptions = field(default_factory=LossOptions)
    moments: MomentOptions = field(default_factory=MomentOptions)
    validation: ValidationOptions = field(default_factory=ValidationOptions)
    run: RunOptions = field(default_factory=RunOptions)

    @property
    def needs_reference(self) -> bool:
        """Whether a loss asks for a regression X̄(Y): Eq. 7, a guided first moment."""
        guide = self.losses.first_moment if self.moments.guided else 0.0
        return bool(self.adversarial.steps and (self.losses.second_moment or guide))

    @property
    def makes_sampler(self) -> bool:
        """Whether the noise matters in the end: the regression is not the last stage."""
        return bool(self.adversarial.steps)

    @property
    def stages(self) -> dict[str, StageOptions]:
        """The stages in their order, also those without steps."""
        return {
            "regression": self.regression,
            "adversarial": self.adversarial,
        }

    def last_stage(self, now: str) -> str:
        """The stage that a run is in, or, if it is done, the last that it went through."""
        if now != "done":
            return now
        return [name for name, stage in self.stages.items() if stage.steps][-1]


def load_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of a name (or the path of a TOML file), with changes ``table.key=value`` made.

    Values are written as in TOML; a string may go without quotes. Raises BadRecipe, OSError.
    """
    return parse_recipe(read_recipe(name), name, changes)


def parse_recipe(text: str, name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML text; ``name`` stands for it in messages. Raises BadRecipe."""
    tables = recipe_tables(text, name, _options, (name,))
    for change in changes:
        _apply(change, tables)
    recipe = Recipe(**_options(tables, name))
    for problem, found in _problems(recipe).items():
        if found:
            raise BadRecipe(f"{name}: {problem}")
    return recipe


def _options(tables: Tables, name: str) -> dict[str, Any]:
    """The options of each table that is given. Raises BadRecipe."""
    hints = get_type_hints(Recipe)
    for table in tables:
        if table not in hints:
            raise BadRecipe(f"{name}: unknown table [{table}]; there are {', '.join(hints)}")
    return {
        table: _table(hints[table], given, f"{name}: {table}") for table, given in tables.items()
    }


def _apply(change: str, tables: Tables) -> None:
    path, equals, written = change.partition("=")
    parts = [part.strip().strip('"') for part in path.split(".")]
    if not equals or len(parts) < 2:
        raise BadRecipe(f"--set {change}: write table.key=value, as in regression.steps=1000")
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written.strip()
    target = tables
    for part in parts[:-1]:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise BadRecipe(f"--set {change}: {part} is not a table")
    target[parts[-1]] = value


def _table(kind: type, given: object, where: str) -> Any:  # noqa: ANN401 (one of the options)
    if not isinstance(given, dict):
        raise BadRecipe(f"{where}: must be a table")
    hints = get_type_hints(kind)
    values = {}
    for name, value in given.items():
        if name not in hints:
            raise BadRecipe(f"{where}.{name}: unknown key; there are {', '.join(hints)}")
        values[name] = read = _value(hints[name], value, f"{where}.{name}")
        numbers = read if isinstance(read, tuple) else (read,)
        if any(isinstance(n, (int, float)) and not 0 <= n < 1e12 for n in numbers):
            raise BadRecipe(f"{where}.{name}: {value} is out of range")
    return kind(**values)


def _value(hint: Any, value: object, where: str) -> object:  # noqa: ANN401 (any type hint)
    if get_origin(hint) is tuple:
        return _numbers(get_args(hint), value, where)
    if get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise BadRecipe(f"{where}: must be a table, not {value!r}")
        inner = get_args(hint)[1]
        if inner is Any:
            return value
        return {k: _value(inner, v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise BadRecipe(f"{where}: must be {words[hint]}, not {value!r}")
    return value


def _numbers(hints: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise BadRecipe(f"{where}: must be a list of numbers, not {value!r}")
    if Ellipsis in hints:
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        raise BadRecipe(f"{where}: must be {len(hints)} numbers, not {value!r}")
    return tuple(_value(hint, item, where) for hint, item in zip(hints, value, strict=True))


def _problems(recipe: Recipe) -> dict[str, bool]:
    """What may be wrong with a recipe as a whole, and whether it is."""
    from jpegx.training.data.patches import SAMPLINGS

    data, training, validation = recipe.data, recipe.training, recipe.validation
    low, high = data.quality
    positive = [
        *(data.patch, data.batch, data.groups, training.accumulate, recipe.losses.r1_every),
        *(recipe.moments.every, recipe.moments.images),
        *(recipe.moments.samples, recipe.moments.filters),
        *(validation.images, validation.crop, validation.samples),
        *(recipe.run.log_every, recipe.run.save_every),
        *(recipe.run.validate_every, recipe.run.strips_every),
    ]
    return {
        "sizes, counts and intervals must be at least 1": min(positive) < 1,
        "data.patch must be a multiple of 16": data.patch % 16 != 0,
        f"losses.crps needs a data.patch of at least {LEAST_SIZE}": bool(recipe.losses.crps)
        and recipe.adversarial.steps > 0
        and data.patch < LEAST_SIZE,
        "data.batch must be a multiple of data.groups": data.batch % data.groups != 0,
        "data.groups must be a multiple of training.accumulate": data.groups % training.accumulate
        != 0,
        "data.quality must be from 1 to 100, the lower first": not 1 <= low <= high <= 100,
        "validation.qualities must be from 1 to 100": not validation.qualities
        or any(not 1 <= q <= 100 for q in validation.qualities),
        f"data.sampling must be out of {', '.join(SAMPLINGS)}, weights positive": not data.sampling
        or any(name not in SAMPLINGS for name in data.sampling)
        or any(not 0 < weight < 1e6 for weight in data.sampling.values()),
        "data.quality_power must be from 0.01 to 100": not 0.01 <= data.quality_power <= 100,
        "data.native must be from 0 to 1": data.native > 1,
        "data.workers must be at most 256": data.workers > 256,
        "the share of a stage must be above 0": any(
            stage.steps and not stage.share for stage in recipe.stages.values()
        ),
        "training.ema must be below 1": training.ema >= 1,
        "training.betas must be below 1": max(training.betas) >= 1,
        "training.optimizer must be adam or muon": training.optimizer not in ("adam", "muon"),
        "training.precision must be auto, bfloat16 or float32": training.precision
        not in ("auto", "bfloat16", "float32"),
        "regression.loss must be mse or log_mse": recipe.regression.loss not in ("mse", "log_mse"),
        "generator.family must be given": not recipe.generator.family,
        "critic.family must be given where adversarial.steps is not 0": recipe.adversarial.steps > 0
        and not recipe.critic.family,
        "regression.steps or adversarial.steps must be given": not any(
            stage.steps for stage in recipe.stages.values()
        ),
        "losses.vgg19 needs losses.perceptual": bool(recipe.losses.vgg19)
        and not recipe.losses.perceptual,
        "shared or unbiased moments and losses.crps need moments.samples of at least 2": bool(
            recipe.moments.shared or recipe.moments.unbiased or recipe.losses.crps
        )
        and recipe.moments.samples < 2,
    }
