"""Recipes: TOML files that say everything about a training run but its data and its folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from jpegx.io.failures import reason_of
from jpegx.training.options import BadRecipe, CommonOptions, StageOptions
from jpegx.training.recipe.checks import common_problems
from jpegx.training.recipe.schema import Schema, lay_over, read_table, sound_tables
from jpegx.training.recipe.toml_tables import (
    Tables,
    apply_change,
    move_keys,
    parse_toml,
    read_recipe,
)
from jpegx.training.stages.catalogue import stages

O = TypeVar("O", bound=StageOptions)  # noqa: E741 (options)


@dataclass(frozen=True)
class Recipe(CommonOptions):
    """Everything about a training run but its data and its folder.

    ``stages``: the table of each stage by name, in the order of a run, also of those without steps.
    """

    stages: Mapping[str, StageOptions] = field(default_factory=dict)

    def of(self, kind: type[O]) -> O:
        """The table of a stage, by its class."""
        return next(options for options in self.stages.values() if isinstance(options, kind))

    @property
    def active(self) -> list[str]:
        """The stages that have steps, in their order."""
        return [name for name, options in self.stages.items() if options.steps]

    @property
    def makes_sampler(self) -> bool:
        """Whether noise matters in the end."""
        return any(stages()[name].samples for name in self.active)

    def last_stage(self, now: str) -> str:
        """The stage that a run is in, or, if it is done, the last that it went through."""
        return self.active[-1] if now == "done" else now


def recipe_schema() -> dict[str, Any]:
    """The tables of a recipe in the order of its text, with the classes of what they hold."""
    hints = get_type_hints(CommonOptions)
    common = {each.name: hints[each.name] for each in fields(CommonOptions)}
    own = {name: stage.options_class for name, stage in stages().items()}
    last = ("validation", "run")
    first = {name: kind for name, kind in common.items() if name not in last}
    return {**first, **own, **{name: common[name] for name in last}}


def load_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe of a name (or the path of a TOML file), with changes ``table.key=value`` made.

    Values are written as in TOML; a string may go without quotes. Raises BadRecipe, OSError.
    """
    return parse_recipe(read_recipe(name), name, changes)


def parse_recipe(text: str, name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML text; ``name`` stands for it in messages.

    Raises BadRecipe, which says all that is wrong with it.
    """
    schema, problems = recipe_schema(), dict[str, str]()
    tables = _tables(text, name, schema, problems, (name,))
    wrong = [found for found in (apply_change(each, tables) for each in changes) if found]
    move_keys(tables, _moves())
    tables = sound_tables(schema, tables, problems)
    read = {table: read_table(schema[table], keys) for table, keys in tables.items()}
    own = {stage: read.pop(stage, schema[stage]()) for stage in stages()}
    recipe = Recipe(**read, stages=own)
    # What was wrong by itself stands in for the default here, and is told already.
    whole = [p for p in _whole_problems(recipe) if not any(path in p for path in problems)]
    wrong += [*problems.values(), *whole]
    if wrong:
        raise BadRecipe(name, wrong)
    return recipe


def _whole_problems(recipe: Recipe) -> list[str]:
    problems = list(common_problems(recipe))
    for name in recipe.active:
        options = recipe.stages[name]
        if not options.share:
            problems.append(f"{name}.share must be above 0")
        if options.schedule not in ("cosine", "halving"):
            problems.append(f"{name}.schedule must be cosine or halving")
        if options.schedule == "halving" and options.halve_every < 1:
            problems.append(f"{name}.halve_every must be at least 1 where the schedule is halving")
        problems += options.problems(recipe)
    if not recipe.active:
        problems.append(f"{' or '.join(f'{name}.steps' for name in recipe.stages)} must be given")
    return problems


def _moves() -> dict[str, str]:
    """Where keys of older recipes are by now."""
    return {
        old: f"{name}.{new}" for name, stage in stages().items() for old, new in stage.moved.items()
    }


def _tables(
    text: str, name: str, schema: Schema, problems: dict[str, str], above: tuple[str, ...]
) -> Tables:
    """The sound tables of a text, on those of the recipe called ``base``, if it names one.

    ``base``: a name, or a TOML file, relative to the folder of this one. ``above``: recipes that
    build on this one. Each text is blamed for its own. Raises BadRecipe where there is no base.
    """
    own = parse_toml(text, name)
    base = own.pop("base", None)
    move_keys(own, _moves())
    own = sound_tables(schema, own, problems)
    if base is None:
        return own
    if not isinstance(base, str):
        raise BadRecipe(name, [f"base: must be the name of a recipe, not {base!r}"])
    if base.endswith(".toml"):  # beside the file that names it
        base = os.path.normpath(Path(name).parent / base)
    if base in above:
        raise BadRecipe(name, [f"base: {base} builds on this recipe itself"])
    below: dict[str, str] = {}
    try:
        tables = _tables(read_recipe(base), base, schema, below, (*above, base))
    except BadRecipe as error:
        raise BadRecipe(name, [f"base: {error}"]) from error
    except OSError as error:
        raise BadRecipe(name, [f"base: {base}: {reason_of(error)}"]) from error
    problems |= {path: f"base: {base}: {problem}" for path, problem in below.items()}
    return lay_over(schema, tables, own)
