"""Recipes: what the package brings, what is refused, and how a run changes its rates."""

import itertools
from pathlib import Path

import pytest

from jpegx.training.recipe.recipe import load_recipe, parse_recipe
from jpegx.training.recipe.text import recipe_text
from jpegx.training.recipe.toml_tables import BadRecipe, recipe_names
from jpegx.training.schedules import Span, cosine, warm_up
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
    general, ffhq = load_recipe("general"), load_recipe("ffhq")
    for recipe in (general, ffhq):
        assert (recipe.data.patch, recipe.data.batch, recipe.training.ema) == (128, 32, 0.999)
        assert recipe.adversarial.steps == 400_000
        assert recipe.adversarial.learning_rate == 1e-4
        assert (recipe.losses.adversarial, recipe.losses.r1) == (1e-3, 1)
        assert recipe.losses.first_moment == 1
        moments = recipe.moments
        assert (moments.images, moments.samples, moments.every) == (8, 16, 8)
    assert (general.regression.steps, ffhq.regression.steps) == (50_000, 0)
    assert general.adversarial.final_learning_rate == 1e-6
    assert ffhq.adversarial.final_learning_rate == 1e-7
    assert general.losses.consistency == (1, 1e3)
    assert ffhq.losses.consistency == (0.1, 10)
    assert (general.losses.perceptual, general.losses.second_moment) == (1e-2, 1e3)
    assert (ffhq.losses.perceptual, ffhq.losses.second_moment) == (0, 0)
    assert load_recipe("regression").regression.steps == 650_000
    assert load_recipe("second-moment").losses.second_moment == 10


def test_the_rows_of_the_published_ablation() -> None:
    rows = ("baseline", "first-moment", "vgg", "second-moment", "general")
    weights = [load_recipe(row).losses for row in rows]
    assert [w.first_moment for w in weights] == [0, 1, 1, 1, 1]
    assert [w.perceptual for w in weights] == [0, 0, 1e-2, 1e-2, 1e-2]
    assert [w.feature_matching for w in weights] == [0, 0, 1e-2, 1e-2, 1e-2]
    assert [w.second_moment for w in weights] == [0, 0, 0, 10, 1e3]
    for row in rows:
        recipe = load_recipe(row)
        assert (recipe.data.quality, recipe.data.sampling) == ((5, 50), {"4:4:4": 1})
        assert (recipe.regression.steps, recipe.adversarial.steps) == (50_000, 400_000)
        assert (recipe.generator.family, recipe.critic.family) == ("rrdb", "resnet34")
        assert (recipe.regression.loss, recipe.data.quality_power) == ("mse", 1)


def test_changes_on_the_command_line() -> None:
    changes = [
        "regression.steps=7",
        "generator.config.widths=[4, 8]",
        "data.sampling={gray = 2}",
        'data.sampling."4:2:0"=3',
        "training.start=some weights.safetensors",
        "losses.consistency=[0, 5]",
    ]
    recipe = parse_recipe(RECIPE, "text", changes)
    assert recipe.regression.steps == 7
    assert recipe.generator.config["widths"] == [4, 8]
    assert recipe.generator.config["embedding"] == 8
    assert recipe.data.sampling == {"gray": 2, "4:2:0": 3}
    assert recipe.training.start == "some weights.safetensors"
    assert recipe.losses.consistency == (0, 5)


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
        ("losses.crps=1", "data.patch of at least 40"),
        ("data.quality=[90, 5]", "from 1 to 100"),
        ("data.quality=[5]", "must be 2 numbers"),
        ("data.quality=5", "must be a list"),
        ("data.quality_power=0", "from 0.01 to 100"),
        ("regression.loss=l1", "mse or log_mse"),
        ("data.sampling={}", "must be out of"),
        ("data.sampling={strange = 1}", "must be out of"),
        ("data.sampling=4", "must be a table"),
        ("losses.r1=nan", "out of range"),
        ("training.ema=1", "below 1"),
        ("training.precision=float8", "bfloat16"),
        ("critic.family=", "must be given"),
        ("generator=unet", r"table\.key=value"),
        ("moments.unbiased=1", "true or false"),
        ("losses.vgg19=file", "losses.perceptual"),
        ("no equals", r"table\.key=value"),
        ("data.batch.size=1", "not a table"),
    ],
)
def test_bad_changes_are_refused(change: str, words: str) -> None:
    with pytest.raises(BadRecipe, match=words):
        parse_recipe(RECIPE, "text", [change])


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
    first.write_text('base = "compact"\n[data]\npatch = 64\n[generator]\nconfig = {widths = [8]}\n')
    second.write_text(
        'base = "first.toml"\n[data]\nbatch = 8\n[generator]\nconfig = {noise = false}\n'
    )
    recipe, compact = load_recipe(str(second), ["data.groups=2"]), load_recipe("compact")
    assert (recipe.data.patch, recipe.data.batch, recipe.data.groups) == (64, 8, 2)
    assert recipe.generator.config == {"noise": False}
    assert recipe.losses == compact.losses
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
