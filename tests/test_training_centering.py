"""The centering stage: the mean of the samples moves to the regression, their differences stay."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from conftest import Run
from jpegx.models import checkpoint
from jpegx.models.generator import Generator
from jpegx.models.noise import AntitheticNoise, RandomNoise, ZeroNoise
from jpegx.training.centering import CenteringStage
from jpegx.training.compress import compress
from jpegx.training.crew import Crew
from jpegx.training.losses.centering import centering
from jpegx.training.networks import create_networks
from jpegx.training.precision import Precision
from jpegx.training.recipe import parse_recipe
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, gradients, groups, write_images, write_recipe

CPU = torch.device("cpu")
CHANGES = ("adversarial.steps=0", "centering.steps=6", "centering.pairs=3")

pytestmark = pytest.mark.usefixtures("one_thread")


def numbers(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stage_of(*changes: str) -> CenteringStage:
    """A sampler of random weights, whose noise is strong, and a regression with another head."""
    recipe = parse_recipe(RECIPE, "small", [*CHANGES, *changes])
    networks = create_networks(recipe, CPU, None)
    assert networks.reference is not None
    assert networks.before is not None
    with torch.no_grad():
        for name, parameter in networks.average.named_parameters():
            if name.endswith("noise.strength"):
                parameter.fill_(2.0)
        networks.reference.load_state_dict(networks.average.state_dict())
        for seed, network in enumerate((networks.average, networks.reference)):
            # A head of zeros would give the decoded image.
            network.get_parameter("head.weight").normal_(std=0.01, generator=numbers(seed))
    networks.begin_centering()
    return CenteringStage(
        recipe, networks, Precision.choose("float32", CPU), Crew(), Stopwatch(CPU)
    )


def test_the_loss_by_hand() -> None:
    images, before, wanted, targets = (
        torch.full((1, 1, 1, 2), value) for value in (0.5, 0.4, 0.6, 0.8)
    )
    others = torch.tensor([0.3, 0.5, 0.6]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2)
    loss, distance = centering(images, before, others, wanted, targets)
    unit = 0.2**2 + 1 / 255**2
    # The sample became 0.1 more, and should have become 0.6 - (0.3 + 0.5 + 0.6) / 3 more.
    assert float(loss) == pytest.approx((0.1 - (0.6 - 1.4 / 3)) ** 2 / unit, rel=1e-5)
    assert float(distance) == pytest.approx((0.1 - 0.6 + 0.45) * (0.1 - 0.6 + 0.5) / unit, abs=1e-5)


def test_the_distance_does_not_depend_on_how_many_the_others_are() -> None:
    mean, wanted, targets = torch.rand(3, 1, 3, 32, 32, generator=numbers(0)).unbind()
    unit = (wanted - targets).square().mean() + 1 / 255**2
    for count in (2, 3, 16):
        noise = 0.3 * torch.randn(400, count, 3, 32, 32, generator=numbers(count))
        rows = [t.expand(400, -1, -1, -1) for t in (mean, mean, wanted, targets)]
        loss, distance = centering(rows[0], rows[1], mean + noise, rows[2], rows[3])
        expected = (mean - wanted).square().mean() / unit
        assert float(distance) == pytest.approx(float(expected), rel=0.01)
        assert float(loss) == pytest.approx(float(expected + 0.09 / count / unit), rel=0.02)


def test_a_step_has_the_gradient_of_the_parts() -> None:
    stage = stage_of("training.accumulate=2", "centering.temperature=0.5")
    networks = stage.networks
    losses = stage.step([groups(2)[:1], groups(2)[1:]], 7, 0.5)
    stepped = gradients(networks.generator)
    networks.generator.zero_grad()
    expected = []
    for part, own in enumerate(groups(2)):
        batch = compress([own], CPU)
        files, noise = batch.conditions, [stage._noise(7, part, use) for use in (0, 1)]
        assert all(isinstance(each, RandomNoise) and each.temperature == 0.5 for each in noise)
        before = stage.before(files, noise[0])
        # Three pairs of each of two files.
        others = stage.before(files, AntitheticNoise(noise[1]), 6).unflatten(0, (2, 3, 2))
        images = networks.generator(files, stage._noise(7, part, 0))
        wanted = stage.reference(files, ZeroNoise())
        loss, distance = centering(images, before, others.mean(dim=2), wanted, batch.targets)
        (loss / 2).backward()
        expected.append(torch.stack([loss.detach(), distance]))
    mean = torch.stack(expected).mean(dim=0)
    torch.testing.assert_close(torch.stack([losses["centering"], losses["distance"]]), mean)
    torch.testing.assert_close(stepped, gradients(networks.generator), rtol=1e-4, atol=1e-7)


def test_the_mean_moves_and_the_differences_stay() -> None:
    stage = stage_of()
    networks = stage.networks
    files = compress(groups(1), CPU).conditions

    def drawn(generator: Generator) -> Tensor:
        with torch.no_grad():
            noise = RandomNoise(numbers(5))
            samples: Tensor = generator(files, noise, 64).unflatten(0, (2, 64))
        return samples

    with torch.no_grad():
        wanted = stage.reference(files, ZeroNoise())
    before = drawn(networks.generator)
    networks.set_rates(2e-3, 0.0)
    for step in range(120):
        stage.step([groups(1)], step, 0.0)
    after = drawn(networks.generator)
    torch.testing.assert_close(drawn(stage.before), before)

    def distance(samples: Tensor) -> float:
        return float((samples.mean(dim=1) - wanted).square().mean())

    def differences(samples: Tensor) -> Tensor:
        return samples - samples.mean(dim=1, keepdim=True)

    assert distance(after) < 0.3 * distance(before)
    change = (differences(after) - differences(before)).square().mean()
    assert float(change) < 0.2 * float(differences(before).square().mean())


def test_a_run_that_centres_a_sampler(run: Run, tmp_path: Path) -> None:
    data, recipe = write_images(tmp_path / "data"), write_recipe(tmp_path)
    names = ("regression", "sampler", "whole", "centred", "again")
    regression, sampler, whole, centred, again = (tmp_path / name for name in names)
    start = ["train", "--data", data, "--recipe", recipe]
    centres = ["--set", "centering.steps=6", "--set", "centering.temperature=0.7"]
    assert run(*start, "--set", "adversarial.steps=0", "-o", regression).exit_code == 0
    assert run(*start, "-o", sampler).exit_code == 0
    assert run(*start, *centres, "-o", whole).exit_code == 0
    lines = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "stage" in line]
    stages = [line["stage"] for line in losses]
    assert stages == ["regression"] * 6 + ["adversarial"] * 6 + ["centering"] * 6
    assert all({"centering", "distance"} <= line.keys() for line in losses[12:])
    weights = {folder: folder.with_suffix(".safetensors") for folder in (regression, sampler)}
    for folder, file in weights.items():
        assert run("train", "export", folder, file).exit_code == 0

    # A sampler alone: there is no critic in such a run, and what it gives is a sampler.
    alone = [*start, *centres, "--set", "adversarial.steps=0", "--set", "regression.steps=0"]
    named = ["--set", f"moments.reference={weights[regression]}"]
    result = run(*alone, *named, "--set", f"training.start={sampler}", "-o", centred)
    assert result.exit_code == 0, result.output
    again_from = ["--set", f"training.start={centred}", "-o", again]
    assert run(*alone, *named, *again_from).exit_code == 0
    for folder in (whole, centred, again):
        file = tmp_path / "x.safetensors"
        assert run("train", "export", folder, file).exit_code == 0
        generator, card = checkpoint.load(file)
        assert generator.stochastic
        assert (card["stage"], card["temperature"]) == ("centering", 0.7)

    for other, words in (
        (named, "centering needs a sampler"),
        ([*named, "--set", f"training.start={regression}"], "centering needs a sampler"),
        (["--set", f"training.start={sampler}"], "centering needs a regression"),
    ):
        result = run(*alone, *other, "-o", tmp_path / "refused")
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
        assert words in result.stderr
    assert not (tmp_path / "refused").exists()
