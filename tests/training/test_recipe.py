"""Recipes: what the package brings, what is refused, and how a run changes its rates."""

import itertools
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from guide import ROOT
from jpegx.models.registry import generators
from jpegx.training.options import BadRecipe
from jpegx.training.recipe.recipe import load_recipe, parse_recipe
from jpegx.training.recipe.text import recipe_text
from jpegx.training.recipe.toml_tables import recipe_names
from jpegx.training.schedules import Span, cosine, warm_up
from jpegx.training.stages.adversarial_options import AdversarialOptions
from jpegx.training.stages.regression import RegressionOptions
from training_data import RECIPE


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_are_whole_and_read_back(name: str) -> None:
    recipe = load_recipe(name)
    text = recipe_text(recipe)
    assert parse_recipe(text, "text") == recipe
    # Every key has a line that says what it means.
    lines = text.splitlines()
    for before, line in itertools.pairwise(lines):
        assert " = " not in line or line.startswith("# ") or before.startswith("# ")


def test_published_numbers() -> None:
    general, ffhq = (load_recipe(name) for name in ("general", "ffhq"))
    sampled = [recipe.of(AdversarialOptions) for recipe in (general, ffhq)]
    for recipe, stage in zip((general, ffhq), sampled, strict=True):
        assert (recipe.data.patch, recipe.data.batch, recipe.training.ema) == (128, 32, 0.999)
        assert stage.steps == 400_000
        assert (stage.learning_rate, stage.critic_rate) == (1e-4, 1)
        assert (stage.losses.adversarial, stage.losses.r1) == (1e-3, 1)
        assert stage.losses.first_moment == 1
        moments = stage.moments
        assert (moments.images, moments.samples, moments.every) == (8, 16, 8)
    assert [r.of(RegressionOptions).steps for r in (general, ffhq)] == [50_000, 0]
    assert [stage.final_learning_rate for stage in sampled] == [1e-6, 1e-7]
    weights = [stage.losses for stage in sampled]
    assert [w.consistency for w in weights] == [(1, 1e3), (0.1, 10)]
    assert [(w.perceptual, w.second_moment) for w in weights] == [(1e-2, 1e3), (0, 0)]
    assert load_recipe("regression").of(RegressionOptions).steps == 650_000
    assert load_recipe("second-moment").of(AdversarialOptions).losses.second_moment == 10


PUBLISHED = (
    *("baseline", "first-moment", "vgg", "second-moment", "general", "perceptual-baseline"),
    *("regression", "ffhq", "ffhq-regression"),
)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_recipes_are_validated_as_they_are_trained(name: str) -> None:
    recipe = load_recipe(name)
    low, high = recipe.data.quality
    assert all(low <= quality <= high for quality in recipe.validation.qualities)
    assert recipe.data.sampling == {recipe.validation.sampling: 1} == {"4:2:0": 1}


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_validated_at_a_sampling_that_they_train(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.validation.sampling in recipe.data.sampling
    low, high = recipe.data.quality
    trained = recipe.data.qualities or range(low, high + 1)
    assert set(recipe.validation.qualities) <= set(trained)


def test_rows_beside_the_ablation() -> None:
    perceptual, vgg = load_recipe("perceptual-baseline"), load_recipe("vgg")
    losses = perceptual.of(AdversarialOptions).losses
    assert losses.consistency == (0, 0)
    assert replace(losses, consistency=(1, 1e3)) == vgg.of(AdversarialOptions).losses
    faces, regression = load_recipe("ffhq"), load_recipe("ffhq-regression")
    assert (regression.active, regression.data) == (["regression"], faces.data)
    assert faces.generator.config == {"tables": False}
    assert regression.validation.qualities == faces.validation.qualities == (5,)


def test_the_rows_of_the_published_ablation() -> None:
    rows = ("baseline", "first-moment", "vgg", "second-moment", "general")
    weights = [load_recipe(row).of(AdversarialOptions).losses for row in rows]
    assert [w.first_moment for w in weights] == [0, 1, 1, 1, 1]
    assert [w.perceptual for w in weights] == [0, 0, 1e-2, 1e-2, 1e-2]
    assert [w.feature_matching for w in weights] == [0, 0, 1e-2, 1e-2, 1e-2]
    assert [w.second_moment for w in weights] == [0, 0, 0, 10, 1e3]
    for row in rows:
        recipe = load_recipe(row)
        stage, regression = recipe.of(AdversarialOptions), recipe.of(RegressionOptions)
        assert (recipe.data.quality, recipe.data.sampling) == ((5, 50), {"4:2:0": 1})
        assert (regression.steps, stage.steps) == (50_000, 400_000)
        assert (recipe.generator.family, stage.critic.family) == ("rrdb", "resnet34")
        assert (regression.loss, recipe.data.quality_power) == ("mse", 1)


def test_the_rows_of_the_guide() -> None:
    """What it says of the ablations of the other papers are changes of recipes."""
    text = (ROOT / "man" / "guide" / "train.md").read_text("utf-8")
    table = text.partition("## What the other papers leave out")[2].partition("\n## ")[0]
    names, seen = list[str](), 0
    for line in table.splitlines():
        cells = [re.findall("`([^`]+)`", cell) for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 3 or cells[2] == ["--set"]:
            continue
        names, seen = cells[1] or names, seen + 1
        for name in names:
            recipe = load_recipe(name, [word for word in cells[2] if "=" in word])
            assert not cells[2] or recipe != load_recipe(name)
            with torch.device("meta"):
                generators.create(recipe.generator.family, recipe.generator.config)
    assert seen == 10


def test_the_commands_of_the_guide() -> None:
    """Its chains of trainings name recipes and keys that exist."""
    text = (ROOT / "man" / "guide" / "train.md").read_text("utf-8").replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in text.splitlines() if "--recipe " in line]
    names = set()
    for words in lines:
        if "jpegx" not in words[:5]:
            continue
        given = list(itertools.pairwise(words))
        name = next(value for option, value in given if option == "--recipe")
        recipe = load_recipe(name, [value for option, value in given if option == "--set"])
        assert recipe.active
        names.add(name)
    assert {"general", "ffhq", "one-to-many", "qgac-gan", "explorable"} <= names


def test_changes_on_the_command_line() -> None:
    changes = [
        "regression.steps=7",
        "generator.config.widths=[4, 8]",
        "data.sampling={gray = 2}",
        'data.sampling."4:2:0"=3',
        "training.start=some weights.safetensors",
        "adversarial.losses.consistency=[0, 5]",
    ]
    recipe = parse_recipe(RECIPE, "text", changes)
    assert recipe.of(RegressionOptions).steps == 7
    assert recipe.generator.config["widths"] == [4, 8]
    assert recipe.generator.config["embedding"] == 8
    assert recipe.data.sampling == {"gray": 2, "4:2:0": 3}
    assert recipe.training.start == "some weights.safetensors"
    assert recipe.of(AdversarialOptions).losses.consistency == (0, 5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data.bath=3", r"data\.bath: unknown key"),
        ("date.batch=3", r"unknown table \[date\]"),
        ("data.batch=many", "must be a whole number"),
        ("data.batch=true", "must be a whole number"),
        ("data.batch=-4", "out of range"),
        ("data.batch=6", "multiple of data.groups"),
        ("data.patch=20", "multiple of 16"),
        ("adversarial.losses.crps=1", "data.patch of at least 40"),
        ("data.quality=[90, 5]", "from 1 to 100"),
        ("data.quality=[5]", "must be 2 numbers"),
        ("data.quality=5", "must be a list"),
        ("data.quality_power=0", "from 0.01 to 100"),
        ("regression.loss=l2", "one of mse, l1, log_mse, l1_ssim"),
        ("data.sampling={}", "must be out of"),
        ("data.sampling={strange = 1}", "must be out of"),
        ("data.sampling=4", "must be a table"),
        ("adversarial.losses.r1=nan", "out of range"),
        ("training.ema=1", "below 1"),
        ("training.precision=float8", "bfloat16"),
        ("adversarial.critic.family=", "must be given"),
        ("generator=unet", r"table\.key=value"),
        ("adversarial.moments.unbiased=1", "true or false"),
        ("adversarial.losses.vgg19=file", "losses.perceptual"),
        ("no equals", r"table\.key=value"),
        ("data.batch.size=1", "not a table"),
    ],
)
def test_bad_changes_are_refused(change: str, words: str) -> None:
    with pytest.raises(BadRecipe, match=words):
        parse_recipe(RECIPE, "text", [change])


def test_all_that_is_wrong_is_said_at_once() -> None:
    changes = ["data.bath=3", "data.patch=20", "adversarial.critic.family=", "no equals"]
    changes += ["adversarial.losses.crps=-1", "regression.loss=l2", "regression.share=0"]
    with pytest.raises(BadRecipe) as refused:
        parse_recipe(RECIPE, "small", changes)
    name, _, problems = str(refused.value).partition(": ")
    assert name == "small"
    begins = [problem.partition(":")[0].partition(" must")[0] for problem in problems.split("; ")]
    # An unknown key says which there are, after a semicolon of its own.
    assert sorted(word for word in begins if not word.startswith("there are")) == [
        "--set no equals",
        "adversarial.critic.family",
        "adversarial.losses.crps",
        "data.bath",
        "data.patch",
        "regression.loss",
        "regression.share",
    ]
    # What is wrong by itself is not told again as a default that does not fit.
    with pytest.raises(BadRecipe, match=r"^small: generator\.family: must be a text, not 3$"):
        parse_recipe(RECIPE, "small", ["generator.family=3"])


def test_tables_of_older_recipes_are_those_of_their_stage() -> None:
    old = RECIPE.replace("[adversarial.", "[")
    assert "[critic]" in old
    assert parse_recipe(old, "old") == parse_recipe(RECIPE, "new")
    changes = ["training.critic_rate=5", "losses.crps=1", "critic.config.widths=[4]"]
    recipe = parse_recipe(RECIPE, "new", ["data.patch=48", *changes])
    stage = recipe.of(AdversarialOptions)
    assert (stage.critic_rate, stage.losses.crps, stage.losses.r1_every) == (5, 1, 2)
    assert stage.critic.config == {"widths": [4]}


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="choose baseline, compact"):
        load_recipe("nothing")
    path = tmp_path / "bad.toml"
    path.write_text("[data\n")
    with pytest.raises(BadRecipe, match="not TOML"):
        load_recipe(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRecipe, match="not a text file"):
        load_recipe(str(path))


def test_a_recipe_builds_on_another(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(
        'base = "compact"\n[data]\npatch = 112\n[generator]\nconfig = {widths = [8]}\n'
    )
    second.write_text(
        'base = "first.toml"\n[data]\nbatch = 8\n[generator]\nconfig = {noise = false}\n'
    )
    recipe, compact = load_recipe(str(second), ["data.groups=2"]), load_recipe("compact")
    assert (recipe.data.patch, recipe.data.batch, recipe.data.groups) == (112, 8, 2)
    assert recipe.generator.config == {"noise": False}
    assert recipe.stages == compact.stages
    assert recipe.data.sampling == compact.data.sampling


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ('"nothing"', "own.toml: base: nothing: no such recipe"),
        ('"nothing.toml"', "own.toml: base: .*nothing.toml: No such file"),
        ("3", "base: must be the name of a recipe"),
        ('"{own}"', "builds on this recipe itself"),
        ('"{other}"', "builds on this recipe itself"),
    ],
)
def test_bad_bases_are_refused(tmp_path: Path, base: str, words: str) -> None:
    own, other = tmp_path / "own.toml", tmp_path / "other.toml"
    own.write_text(f"base = {base.format(own=own, other=other)}\n")
    other.write_text(f'base = "{own}"\n')
    with pytest.raises(BadRecipe, match=words):
        load_recipe(str(own))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[data]\nbath = 3", r"own\.toml: base: .*other\.toml: data\.bath: unknown key"),
        ("[date]\nbatch = 3", r"other\.toml: unknown table \[date\]"),
        ("[data]\nbatch = true", r"other\.toml: data\.batch: must be a whole number"),
        ("[data]\nbatch = -4", r"other\.toml: data\.batch: -4 is out of range"),
    ],
)
def test_a_base_is_blamed_for_its_own_keys(tmp_path: Path, text: str, words: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text('base = "other.toml"\n[data]\nbatch = 8\n')
    (tmp_path / "other.toml").write_text(text)
    with pytest.raises(BadRecipe, match=words):
        load_recipe(str(own))


def test_cosine_goes_from_start_to_end() -> None:
    assert cosine(1.0, 3.0, 0.0) == 1.0
    assert cosine(1.0, 3.0, 0.5) == pytest.approx(2.0)
    assert cosine(1.0, 3.0, 1.0) == pytest.approx(3.0)
    assert cosine(1.0, 3.0, 0.25) == pytest.approx(1.0 + 1 - 2**-0.5)


def test_warm_up_rises_to_one() -> None:
    assert [warm_up(step, 3) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert warm_up(0, 0) == 1.0


def test_a_limit_of_time_draws_the_schedule_together() -> None:
    assert Span(10).progress(5, 1000.0) == 0.5
    assert Span(10, 60.0).progress(1, 45.0) == 0.75
    assert Span(10, 60.0).progress(9, 45.0) == 0.9
    assert Span(10, 60.0).progress(1, 61.0) == 1.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[data]\nquality = " + "[" * 100_000, "nested too deeply"),
        ("[data]\npatch = " + "9" * 10_000, "digits"),
        ("#" * (1 << 20) + "#", "more than 1 MiB"),
        ("\xff", "not a text file"),
    ],
)
def test_monstrous_recipes(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRecipe, match=reason):
        load_recipe(str(path))
