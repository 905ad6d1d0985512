"""What a run of jpegx train starts from: weights, or another run with its critic."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from conftest import Run
from jpegx.cli.main import main
from jpegx.models import checkpoint
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.networks import Networks, Start
from jpegx.training.recipe.recipe import Recipe, parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.run_checkpoint import Position, restore, save_checkpoint
from jpegx.training.stages.stage import Stage
from jpegx.training.start import read_start
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, write_images, write_recipe

# For a run that begins as a sampler, which has no X̄(Y) for Eq. 7.
NO_REGRESSION = ("--set", "regression.steps=0", "--set", "adversarial.losses.second_moment=0")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small recipe that has ended; only for reading."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("train", "--data", write_images(folder / "data"), "--recipe", write_recipe(folder))
    result = CliRunner().invoke(main, [*map(str, words), "-o", str(folder / "first")])
    assert result.exit_code == 0, result.output
    return folder / "first"


def from_run(folder: Path) -> Recipe:
    """The small recipe, starting from a run."""
    recipe = parse_recipe(RECIPE, "recipe")
    return replace(recipe, training=replace(recipe.training, start=str(folder)))


def made(recipe: Recipe, start: Start | None) -> tuple[Networks, dict[str, Stage[Any]]]:
    """The networks and stages of a run as it begins, on the CPU."""
    cpu = torch.device("cpu")
    return make_stages(recipe, Precision(cpu, torch.float32), Crew(), Stopwatch(cpu), start)


def test_weights_to_start_from_decide_the_network(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    first, weights = tmp_path / "first", tmp_path / "weights.safetensors"
    arguments = ("train", "--data", data, "--recipe", recipe)
    assert run(*arguments, "--set", "adversarial.steps=0", "-o", first).exit_code == 0
    assert run("train", "export", first, weights).exit_code == 0
    other = ("--set", "generator.config={widths = [4, 4], encoder = [1, 1], decoder = [1, 1]}")
    start = ("--set", f"training.start={weights}", "--set", "regression.steps=0")
    regression, card = checkpoint.load(weights)
    assert card["stage"] == "regression"
    assert not regression.stochastic
    second = tmp_path / "second"
    assert run(*arguments, *other, *start, "-o", second).exit_code == 0
    trained, reference = load_file(second / "last.safetensors"), load_file(weights)
    # X̄(Y) of Eq. 7 is what the stage starts from.
    for name, value in reference.items():
        assert torch.equal(trained[f"reference:{name}"], value.float())
    # Noise was added, and is trained.
    assert any(name.startswith("generator:") and "strength" in name for name in trained)
    weights.unlink()
    assert run("train", "--resume", second).exit_code == 0


def test_the_recipe_decides_on_dither_whatever_it_starts_from(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, *NO_REGRESSION)
    start: tuple[str, ...] = ()
    for name, dithers in (("without", False), ("with", True), ("again without", False)):
        folder, weights = tmp_path / name, tmp_path / f"{name}.safetensors"
        change = ("--set", f"generator.config.dither={str(dithers).lower()}")
        assert run(*arguments, *change, *start, "-o", folder).exit_code == 0
        assert run("train", "export", folder, weights).exit_code == 0
        generator, _ = checkpoint.load(weights)
        assert generator.config.to_dict()["dither"] == dithers
        assert ("noise.weight" in generator.state_dict()) == dithers
        start = ("--set", f"training.start={weights}")


def test_the_recipe_adds_blocks_and_projection(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", "adversarial.steps=0")
    assert run(*arguments, "-o", tmp_path / "a").exit_code == 0
    assert run("train", "export", tmp_path / "a", first).exit_code == 0
    # One more block in the encoder; the decoder has more already.
    change = "generator.config={encoder = [2, 1], decoder = [1, 0], projection = true}"
    steps = ("--set", "regression.steps=1", "--set", "regression.learning_rate=1e-12")
    start = ("--set", f"training.start={first}", "--set", change)
    assert run(*arguments, *start, *steps, "-o", tmp_path / "b").exit_code == 0
    assert run("train", "--resume", tmp_path / "b").exit_code == 0
    assert run("train", "export", tmp_path / "b", second).exit_code == 0
    old, _ = checkpoint.load(first)
    new, _ = checkpoint.load(second)
    config = old.config.to_dict()
    assert new.config.to_dict() == {**config, "encoder": [2, 1], "projection": True}
    before, after = old.state_dict(), new.state_dict()
    assert {
        name.split(".first")[0] for name in after.keys() - before.keys() if "first" in name
    } == {"encoder.0.blocks.1"}
    for name, value in before.items():
        torch.testing.assert_close(after[name], value)


def test_a_deeper_sampler_that_projects(run: Run, tmp_path: Path, trained: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    second = tmp_path / "second"
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", f"training.start={trained}")
    change = "generator.config={encoder = [1, 1], decoder = [2, 1], projection = true}"
    changes = ("adversarial.steps=4", "training.accumulate=2", change)
    options = tuple(part for text in changes for part in ("--set", text))
    result = run(*arguments, *NO_REGRESSION, *options, "-o", second)
    assert result.exit_code == 0, result.output
    assert run("train", "export", second, tmp_path / "x.safetensors").exit_code == 0
    deeper, _ = checkpoint.load(tmp_path / "x.safetensors")
    assert deeper.config.to_dict()["decoder"] == [2, 1]
    # Every sample of a step was in its cells: there was nothing to ask for.
    lines = [json.loads(line) for line in (second / "log.jsonl").read_text().splitlines()]
    assert {line["consistency"] for line in lines if "consistency" in line} == {0.0}


@pytest.mark.parametrize("blocks", ['["a", 2, 1]', "[[1], 2, 1]"])
def test_blocks_that_make_no_network_are_one_line(run: Run, tmp_path: Path, blocks: str) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "-o", tmp_path / "run")
    changes = ("training.start=regression", f"generator.config.encoder={blocks}")
    result = run(*arguments, *(part for change in changes for part in ("--set", change)))
    assert result.exit_code == 1, result.output
    assert "small.toml: field 'encoder' has the wrong type" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_run_starts_from_installed_weights_by_name(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe, "-o", tmp_path / "run")
    changes = ("adversarial.steps=0", "regression.steps=1", "training.start=regression")
    result = run(*arguments, *(part for change in changes for part in ("--set", change)))
    assert result.exit_code == 0, result.output
    assert run("train", "export", tmp_path / "run", tmp_path / "x.safetensors").exit_code == 0
    trained, card = checkpoint.load(tmp_path / "x.safetensors")
    _, start, _ = checkpoint.open_model("regression")
    assert card["start"] == "regression"
    assert trained.config == start.config


def test_a_run_starts_from_another_with_its_critic(run: Run, tmp_path: Path, trained: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe)
    second, third = (tmp_path / name for name in ("second", "third"))
    start = ("--set", f"training.start={trained}", *NO_REGRESSION)
    assert run(*arguments, *start, "-o", second).exit_code == 0
    assert run("train", "export", second, tmp_path / "second.safetensors").exit_code == 0
    _, card = checkpoint.load(tmp_path / "second.safetensors")
    assert (card["start"], card["steps"]) == ("first", 6)
    # What the second began with, before its first step.
    named = from_run(trained)
    networks, stages = made(named, read_start(named))
    saved = load_file(trained / "last.safetensors")
    critic = stages["adversarial"].own_networks()["critic"]
    for key, ours in (("critic", critic), ("average", networks.generator)):
        state = ours.state_dict()
        assert all(torch.equal(value, saved[f"{key}:{name}"]) for name, value in state.items())
    # A critic of another kind cannot come along: said in one line.
    other = ("--set", "adversarial.critic.config={widths = [8, 12]}")
    result = run(*arguments, *start, *other, "-o", third)
    assert result.exit_code == 1
    assert "its critic is of another kind; export its weights" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("stage", ["regression", "adversarial", "done"])
def test_a_run_that_is_still_a_regression_gives_no_critic(
    tmp_path: Path, trained: Path, stage: str
) -> None:
    first = Path(shutil.copytree(trained, tmp_path / "first"))
    networks, stages = made(parse_recipe(RECIPE, "recipe"), None)
    own = stages["adversarial" if stage == "done" else stage]
    save_checkpoint(first / "last.safetensors", networks, own, Position(stage=stage))
    start = read_start(from_run(first))
    assert start is not None
    assert ("critic" not in start.networks) == start.regression == (stage == "regression")
    made(from_run(first), start)


def test_what_cannot_be_started_from_is_one_line(run: Run, tmp_path: Path, trained: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    first = Path(shutil.copytree(trained, tmp_path / "first"))
    arguments = ("train", "--data", data, "--recipe", recipe)
    settings, last = first / "recipe.toml", first / "last.safetensors"
    text = settings.read_text("utf-8")

    def refused(start: Path) -> str:
        result = run(*arguments, "--set", f"training.start={start}", "-o", tmp_path / "second")
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        return result.stderr.removeprefix("jpegx: ").strip()

    assert refused(data) == f"{data}: no run of jpegx train here; name the folder of one"
    assert refused(tmp_path / "frist").startswith(
        f"{tmp_path / 'frist'}: No such file or directory; check"
    )
    settings.write_text(text.replace('"embedding" = 8', '"embedding" = 9'), "utf-8")
    assert refused(first).startswith(f"{last}: not a checkpoint of this recipe: size mismatch for")
    settings.write_text(text.replace('"embedding" = 8', '"strange" = 8'), "utf-8")
    assert refused(first) == f"{first}: of another version of jpegx: unknown field 'strange'"
    settings.write_text(text, "utf-8")
    last.unlink()
    assert refused(first) == f"{last}: no checkpoint here yet"


def test_the_folder_one_is_in_can_be_started_from(
    run: Run, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe)
    shutil.copytree(trained, tmp_path / "first")
    monkeypatch.chdir(tmp_path / "first")
    second = tmp_path / "second"
    assert run(*arguments, "--set", "training.start=.", "-o", second).exit_code == 0
    assert run("train", "export", second, "x.safetensors").exit_code == 0
    assert checkpoint.load(Path("x.safetensors"))[1]["start"] == "first"
    # From anywhere else it is the same run.
    monkeypatch.chdir(tmp_path)
    assert run("train", "export", second, "y.safetensors").exit_code == 0
    assert checkpoint.load(Path("y.safetensors"))[1]["start"] == "first"
    (second / "last.safetensors").unlink()  # as if killed before its first checkpoint
    assert run("train", "--resume", second).exit_code == 0


def test_a_run_is_read_without_its_reference(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    arguments = ("train", "--data", data, "--recipe", recipe)
    plain, first, second = (tmp_path / name for name in ("plain", "first", "second"))
    reference = tmp_path / "reference.safetensors"
    assert run(*arguments, "--set", "adversarial.steps=0", "-o", plain).exit_code == 0
    assert run("train", "export", plain, reference).exit_code == 0
    assert not checkpoint.load(reference)[0].stochastic  # so it is another network than the sampler
    named = ("--set", f"adversarial.moments.reference={reference}")
    assert run(*arguments, *named, "-o", first).exit_code == 0
    reference.unlink()
    start = ("--set", f"training.start={first}", *NO_REGRESSION)
    result = run(*arguments, *start, "-o", second)
    assert result.exit_code == 0, result.stderr
    result = run("train", "export", first, tmp_path / "x.safetensors")
    assert result.exit_code == 0, result.stderr


def test_what_stands_in_is_asked_for_and_named_in_the_card(run: Run, tmp_path: Path) -> None:
    """No silent stand-ins: VGG-19, and the regression of the second moment."""
    data = write_images(tmp_path / "data")
    text = RECIPE.replace("stand_in = true", "").replace(
        "[adversarial.losses]", "[adversarial.losses]\nperceptual = 1"
    )
    recipe, out, file = write_recipe(tmp_path, text), tmp_path / "run", tmp_path / "x.safetensors"
    command = ("train", "--data", data, "--recipe", recipe, "-o", out)
    refused = run(*command)
    assert refused.exit_code == 1
    said = " ".join(refused.stderr.split())
    assert "adversarial.losses.perceptual needs adversarial.losses.vgg19" in said
    assert "adversarial.losses.second_moment needs adversarial.moments.reference" in said
    assert said.count("--stand-in") == 2
    assert not out.exists()
    result = run(*command, "--stand-in")
    assert result.exit_code == 0, result.output
    assert "stand-in: feature matching on the critic for the perceptual loss" in result.output
    assert run("train", "export", out, file).exit_code == 0
    card = checkpoint.load(file)[1]
    assert card["stand_ins"] == (
        "feature matching on the critic for the perceptual loss; the regression that the stage "
        "begins with for X̄(Y) of the second moment"
    )
    assert run("train", "--resume", out, "--stand-in").exit_code == 2


@pytest.mark.parametrize(
    ("loss", "changes"),
    [
        ("losses.second_moment", []),
        ("moments.guided", ["losses.second_moment=0", "moments.guided=true"]),
    ],
)
def test_the_reference_is_a_regression(
    loss: str, changes: list[str], run: Run, tmp_path: Path
) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    regression, sampler, last = (tmp_path / name for name in ("regression", "sampler", "last"))
    arguments: list[object] = ["train", "--data", data, "--recipe", recipe, "-o"]
    assert run(*arguments, regression, "--set", "adversarial.steps=0").exit_code == 0
    assert run(*arguments, sampler).exit_code == 0
    files = [folder.with_suffix(".safetensors") for folder in (regression, sampler)]
    for folder, file in zip((regression, sampler), files, strict=True):
        assert run("train", "export", folder, file).exit_code == 0
    arguments.append(last)
    for change in ["regression.steps=0", *(f"adversarial.{change}" for change in changes)]:
        arguments += ["--set", change]
    for own in ([], ["--set", f"training.start={sampler}"]):
        result = run(*arguments, *own)
        assert result.exit_code == 1
        assert f"adversarial.{loss} needs a regression" in result.stderr
    result = run(*arguments, "--set", f"adversarial.moments.reference={files[1]}")
    assert result.exit_code == 1
    assert (
        f"adversarial.moments.reference must be a regression; {files[1]} is a sampler"
        in result.stderr
    )
    assert not last.exists()
    started = [
        "--set",
        f"training.start={sampler}",
        "--set",
        f"adversarial.moments.reference={files[0]}",
    ]
    assert run(*arguments, *started).exit_code == 0
    shutil.rmtree(last)
    assert run(*arguments, "--set", f"training.start={regression}").exit_code == 0


def test_optimizers_go_on_where_their_parameters_are() -> None:
    # A device that every machine has, in the place of a GPU.
    parameter = torch.nn.Parameter(torch.zeros(3, 4, device="meta"))
    optimizer = torch.optim.Adam([parameter])
    state = {"step": torch.tensor(5.0), "exp_avg": torch.ones(3, 4), "exp_avg_sq": torch.ones(3, 4)}
    restore(optimizer, {f"0:{key}": value for key, value in state.items()})
    found = optimizer.state[parameter]
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in state.items()
    }
    assert all(value.device == parameter.device for value in found.values())
