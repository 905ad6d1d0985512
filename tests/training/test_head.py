"""The head stage: samples around a regression that is held."""

import json
import re
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from conftest import Run
from frozen_states import efficientnet_state
from jpegx.metrics.efficientnet_lite import EfficientNetLite0
from jpegx.models.critic import Critic
from jpegx.models.families.unet import Unet
from jpegx.models.files import decoded_rgb
from jpegx.models.noise import RandomNoise, ZeroNoise
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import compress
from jpegx.training.losses.adversarial_game import paired_loss, paired_penalty
from jpegx.training.losses.moments import first_moment
from jpegx.training.losses.sliced_crps import sliced_crps
from jpegx.training.options import BadRecipe
from jpegx.training.recipe.recipe import Recipe, parse_recipe
from jpegx.training.recipe.text import recipe_text
from jpegx.training.run import make_stages
from jpegx.training.stages.head import _DIRECTIONS, _NOISE, HeadStage
from jpegx.training.stages.head_options import HeadOptions
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, gradients, groups, stop_after, write_images, write_recipe

CPU = torch.device("cpu")
HEAD = (
    RECIPE.partition("[adversarial]")[0]
    + """
[head]
steps = 4
learning_rate = 1e-3
scales = 3
filters = 4
quiet = 0.2
rise = 0.3
[head.critics.pixel]
family = "pixel"
config = {widths = [8, 8]}
gamma = 0.05
penalty_every = 2
[head.critics.seen]
family = "projected"
config = {widths = [8, 8], strides = [4, 8]}
weight = 8e-3
rate = 0.5
betas = [0, 0.99]
"""
    + RECIPE[RECIPE.index("[validation]") :]
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def random_efficientnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that one critic stands on, installed or not."""
    found = classmethod(lambda cls: EfficientNetLite0(efficientnet_state()))
    monkeypatch.setattr(EfficientNetLite0, "installed", found)


def recipe_with(*changes: str) -> Recipe:
    return parse_recipe(HEAD, "small", ["data.patch=48", *changes])


def stage_of(recipe: Recipe) -> HeadStage:
    """The learning rates are 0: a step leaves its gradients, and all weights as they are."""
    precision = Precision.choose("float32", CPU)
    _, stages = make_stages(recipe, precision, Crew(), Stopwatch(CPU), None)
    stage = stages["head"]
    assert isinstance(stage, HeadStage)
    with torch.no_grad():  # a head of zeros would pass no gradient on
        head = stage.generator.get_parameter("head.weight")
        head.normal_(std=0.02, generator=torch.Generator().manual_seed(0))
        if stage.reference is not None:
            stage.average.load_state_dict(stage.generator.state_dict())
    stage.begin()
    stage.prepare()
    for player in stage.players.values():  # spectral norms stand still
        player.critic.eval()
    return stage


def test_a_step_has_every_loss() -> None:
    stage = stage_of(recipe_with())
    critics: dict[str, Critic] = {name: p.critic for name, p in stage.players.items()}
    for critic in critics.values():  # what is measured on the first batch
        for name, buffer in critic.named_buffers():
            if name.endswith("spread"):
                buffer.fill_(1.0)
    losses = stage.step([groups(2)], 6, 1.0)
    stepped = gradients(stage.generator)
    learned = {name: gradients(critic) for name, critic in critics.items()}

    batch = compress(groups(2), CPU)
    decoded, targets = decoded_rgb(batch.files), batch.targets
    assert stage.reference is not None
    mean = stage.reference(batch.files, ZeroNoise()).detach()
    images = stage.generator(batch.files, RandomNoise(stage.random(6, 0, _NOISE)), 2)
    samples, first = images.unflatten(0, (4, 2)), images[::2]
    spread = 8 * first_moment(samples, mean, unbiased=True)
    directions = stage.random(6, 0, _DIRECTIONS)
    spread = spread + 5e-3 * sliced_crps(samples, targets, decoded, directions, 4, 3)
    total = spread
    for name, critic in critics.items():
        critic.zero_grad()
        rated = {
            what: critic(image, decoded, mean).logits
            for what, image in (("real", targets), ("old", first.detach()), ("fake", first))
        }
        loss = paired_loss(rated["real"], rated["old"])
        torch.testing.assert_close(losses[f"{name}_critic"], loss.detach())
        if name == "pixel":
            half = torch.cat([targets[:2], first[:2]])
            two = [repeat_halves(v[:2]) for v in (decoded, mean)]
            penalty = paired_penalty(critic, half, *two)
            torch.testing.assert_close(losses["pixel_penalty"], penalty.detach())
            loss = loss + 0.05 * 2 * penalty
        loss.backward()
        torch.testing.assert_close(gradients(critic), learned[name], rtol=1e-3, atol=1e-6)
        critic.requires_grad_(False)
        asked = paired_loss(rated["fake"], [each.detach() for each in rated["real"]])
        torch.testing.assert_close(losses[f"{name}_samples"], asked.detach())
        total = total + {"pixel": 4e-3, "seen": 8e-3}[name] * asked
    assert "seen_penalty" not in losses
    torch.testing.assert_close(losses["generator"], total.detach())
    stage.generator.zero_grad()
    total.backward()
    torch.testing.assert_close(gradients(stage.generator), stepped, rtol=1e-3, atol=1e-6)


def repeat_halves(values: Tensor) -> Tensor:
    return torch.cat([values, values])


@pytest.mark.parametrize(("progress", "loudness"), [(0.1, 0), (0.35, 0.5), (0.5, 1), (1, 1)])
def test_the_generator_hears_the_critics_when_they_know_something(
    progress: float, loudness: float
) -> None:
    stage = stage_of(recipe_with("head.crps=0", "head.first_moment=0"))
    losses = stage.step([groups(2)], 1, progress)
    assert ("pixel_samples" in losses) == (loudness > 0)
    assert "pixel_critic" in losses  # which learns from the first step on
    wanted = 0.0
    if loudness:
        weighed = 4e-3 * losses["pixel_samples"] + 8e-3 * losses["seen_samples"]
        wanted = loudness * float(weighed)
    assert float(losses["generator"]) == pytest.approx(wanted, rel=1e-5, abs=1e-9)


class Trunked(Unet):
    """A generator whose decoder is a head on an encoder that is held."""

    def trunk_parameters(self) -> list[nn.Parameter]:
        return [p for name, p in self.named_parameters() if not name.startswith(("decoder", "up"))]

    def head_parameters(self) -> list[nn.Parameter]:
        return [p for name, p in self.named_parameters() if name.startswith(("decoder", "up"))]


def test_a_trunk_is_held_and_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Unet, "has_trunk", True)
    monkeypatch.setattr(Unet, "trunk_parameters", Trunked.trunk_parameters)
    monkeypatch.setattr(Unet, "head_parameters", Trunked.head_parameters)
    stage = stage_of(recipe_with("training.optimizer=muon"))
    assert stage.reference is None
    encoded: list[bool] = []

    def note(_module: nn.Module, _given: object, result: Tensor) -> None:
        encoded.append(result.requires_grad)

    encoder = stage.generator.get_submodule("encoder")
    encoder[0].register_forward_hook(note)  # type: ignore[index]
    before = {name: p.detach().clone() for name, p in stage.generator.named_parameters()}
    stage.set_rate(1e-2)
    stage.step([groups(2)], 0, 1.0)
    assert encoded == [False]
    moved = {
        name.partition(".")[0]
        for name, p in stage.generator.named_parameters()
        if not torch.equal(p, before[name])
    }
    assert moved == {"decoder", "up"}


def test_parts_of_a_batch_count_alike() -> None:
    changes = ("head.critics.pixel.weight=0", "head.critics.seen.weight=0", "head.crps=0")
    stage = stage_of(recipe_with(*changes, "training.accumulate=2"))
    losses = stage.step([groups(2)[:1], groups(2)[1:]], 0, 0.5)
    stepped = gradients(stage.generator)
    expected, parts = [], []
    assert stage.reference is not None
    for part, own in enumerate(groups(2)):
        batch = compress([own], CPU)
        stage.generator.zero_grad()
        images = stage.generator(batch.files, RandomNoise(stage.random(0, part, _NOISE)), 2)
        mean = stage.reference(batch.files, ZeroNoise()).detach()
        loss = first_moment(images.unflatten(0, (2, 2)), mean, unbiased=True)
        (8 * loss).backward()
        parts.append(gradients(stage.generator))
        expected.append(loss.detach())
    torch.testing.assert_close(losses["first_moment"], torch.stack(expected).mean())
    torch.testing.assert_close(stepped, torch.stack(parts).mean(dim=0), rtol=1e-4, atol=1e-7)


def test_a_run_with_a_head_goes_on_as_if_undisturbed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_images(tmp_path / "data", size=(64, 56))
    recipe = write_recipe(tmp_path, HEAD.replace("patch = 32", "patch = 48"))
    arguments = ("train", "--data", data, "--recipe", recipe, "--set", "regression.steps=2")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run(*arguments, "-o", whole).exit_code == 0
    stop_after((*arguments, "-o", cut), cut, 4, signal.SIGKILL)
    assert run("train", "--resume", cut).exit_code == 0
    for name, value in load_file(whole / "last.safetensors").items():
        assert torch.equal(value, load_file(cut / "last.safetensors")[name]), name
    kept = load_file(whole / "last.safetensors")
    assert {name.partition(":")[0] for name in kept} >= {
        *("generator", "average", "reference", "critic-pixel", "critic-seen"),
        *("generator-optimizer", "critic-pixel-optimizer", "critic-seen-optimizer"),
    }
    started = ("--set", f"training.start={whole}")
    no_regression = ("--set", "regression.steps=0", "-o", tmp_path / "bad")
    result = run(*arguments[:-2], *no_regression)
    assert result.exit_code == 1
    assert "head needs a regression to stand on" in result.stderr
    # A run that goes on in the stage stands on the same one.
    further = tmp_path / "further"
    assert run(*arguments[:-2], *started, *no_regression[:2], "-o", further).exit_code == 0
    for name, value in load_file(further / "last.safetensors").items():
        assert not name.startswith("reference:") or torch.equal(value, kept[name]), name
    monkeypatch.setattr(Unet, "has_trunk", True)
    result = run(*arguments[:-2], *started, *no_regression[:2], "-o", tmp_path / "next")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "next" / "log.jsonl").read_text().splitlines()
    first = next(line for line in map(json.loads, lines) if "pixel_critic" in line)
    assert "pixel_samples" in first  # critics that came along are heard at once


def test_tables_of_critics_are_read_laid_over_and_written(tmp_path: Path) -> None:
    recipe = recipe_with("head.critics.pixel.gamma=0.5", "head.critics.third.family=light")
    text = recipe_text(recipe)
    assert "[head.critics.third]" in text
    assert parse_recipe(text, "text") == recipe
    base, own = tmp_path / "base.toml", tmp_path / "own.toml"
    base.write_text(HEAD)
    own.write_text('base = "base.toml"\n[data]\npatch = 48\n[head.critics.pixel]\nrate = 2\n')
    laid = parse_recipe(own.read_text(), str(own))
    assert {key: value["rate"] for key, value in _critics(laid).items()} == {
        "pixel": 2,
        "seen": 0.5,
    }
    assert _critics(laid)["pixel"]["gamma"] == 0.05


def _critics(recipe: Recipe) -> dict[str, dict[str, Any]]:
    return {name: asdict(each) for name, each in recipe.of(HeadOptions).critics.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("head.samples=1", "head.samples must be at least 2"),
        ("head.scales=5", "head.scales: 5 need a data.patch of at least 80"),
        ("head.critics={}", "head.critics must have one critic or more"),
        ("head.critics.pixel.family=vgg", "head.critics.pixel.family must be given, one of "),
        ("head.critics.pixel.rates=1", "head.critics.pixel.rates: unknown key"),
        ("head.critics.pixel=3", "head.critics.pixel: must be a table"),
        ("head.critics.seen.optimizer=sgd", "head.critics.seen.optimizer must be adam or muon"),
        ("head.quiet=0.9", "at most 1 together"),
    ],
)
def test_bad_tables_are_refused(change: str, words: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(words)):
        recipe_with(change)
