"""The adversarial stage: samples that the critic and the moments share."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from jpegx.models.critic import Critic
from jpegx.models.files import decoded_rgb
from jpegx.models.generator import Generator
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import RandomNoise, ZeroNoise
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import compress
from jpegx.training.losses.adversarial_game import (
    critic_loss,
    feature_matching,
    generator_loss,
)
from jpegx.training.losses.moments import first_moment, second_moment
from jpegx.training.losses.recompression import consistency
from jpegx.training.losses.sliced_crps import sliced_crps
from jpegx.training.recipe.recipe import Recipe, parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.stages.adversarial import _DIRECTIONS, _SAMPLE, AdversarialStage
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, gradients, groups

CPU = torch.device("cpu")
CHANGES = ("moments.shared=true", "losses.crps=0.1", "losses.consistency=[5, 5]")

pytestmark = pytest.mark.usefixtures("one_thread")


def recipe_with(*changes: str, accumulate: int = 1) -> Recipe:
    """The small recipe with changes of the stage's own table."""
    common = ["data.patch=48", f"training.accumulate={accumulate}"]
    own = [f"adversarial.{change}" for change in (*CHANGES, *changes)]
    return parse_recipe(RECIPE, "small", common + own)


def stage_of(recipe: Recipe) -> AdversarialStage:
    """The learning rates are 0: a step leaves its gradients, and all weights as they are."""
    precision = Precision.choose("float32", CPU)
    _, stages = make_stages(recipe, precision, Crew(), Stopwatch(CPU), None)
    stage = stages["adversarial"]
    assert isinstance(stage, AdversarialStage)
    with torch.no_grad():  # a head of zeros would pass no gradient on
        head = stage.generator.get_parameter("head.weight")
        head.normal_(std=0.02, generator=torch.Generator().manual_seed(0))
    stage.prepare()
    return stage


def test_shared_samples_have_every_loss() -> None:
    stage = stage_of(recipe_with())
    generator, critic, weights = stage.generator, stage.critic, stage.options.losses
    reference = stage.reference
    assert reference is not None
    losses = stage.step([groups(2)], 7, 0.5)
    stepped = gradients(stage.generator)

    batch = compress(groups(2), CPU)
    images = generator(batch.files, RandomNoise(stage.random(7, 0, _SAMPLE)), 3)
    samples = images.unflatten(0, (4, 3))
    decoded = decoded_rgb(batch.files)
    fake, features = critic(images, repeat_samples(decoded, 3))
    real, wanted_features = critic(batch.targets, decoded)
    filters = stage.random(7, 0, _DIRECTIONS)
    usual = reference(batch.files, ZeroNoise())
    wanted = {
        "adversarial": weights.adversarial * generator_loss(fake),
        "consistency": 5 * consistency(samples[:, 0], batch.files),
        "features": weights.feature_matching
        * feature_matching(features, [repeat_samples(f.detach(), 3) for f in wanted_features]),
        "first_moment": weights.first_moment * first_moment(samples, batch.targets),
        "second_moment": weights.second_moment * second_moment(samples, batch.targets, usual),
        "crps": weights.crps
        * sliced_crps(samples, batch.targets, decoded_rgb(batch.files), filters, 8),
    }
    of_weights = ("adversarial", "first_moment", "second_moment", "crps")
    factors = {name: getattr(weights, name) for name in of_weights}
    factors |= {"consistency": 5, "features": weights.feature_matching}
    for name, loss in wanted.items():
        torch.testing.assert_close(factors[name] * losses[name], loss.detach(), msg=name)
    torch.testing.assert_close(losses["critic"], critic_loss(real, fake).detach())
    generator.zero_grad()
    torch.stack(list(wanted.values())).sum().backward()
    torch.testing.assert_close(stepped, gradients(stage.generator), rtol=1e-4, atol=1e-6)


def test_a_guided_first_moment_is_the_distance_from_the_regression() -> None:
    stage = stage_of(recipe_with("moments.guided=true", "losses.second_moment=0"))
    reference = stage.reference
    assert reference is not None
    losses = stage.step([groups(2)], 7, 0.5)
    batch = compress(groups(2), CPU)
    noise = RandomNoise(stage.random(7, 0, _SAMPLE))
    samples = stage.generator(batch.files, noise, 3).unflatten(0, (4, 3))
    usual = reference(batch.files, ZeroNoise())
    torch.testing.assert_close(losses["first_moment"], first_moment(samples, usual).detach())
    assert not torch.allclose(losses["first_moment"], first_moment(samples, batch.targets))


@pytest.mark.parametrize("shared", ["true", "false"])
def test_how_many_images_a_step_draws(shared: str) -> None:
    stage = stage_of(recipe_with(f"moments.shared={shared}", "losses.feature_matching=0"))
    drawn: list[int] = []
    rated: list[int] = []

    def draw(_module: Generator, _given: object, images: Tensor) -> None:
        drawn.append(len(images))

    def rate(_module: Critic, given: Sequence[Tensor], _result: object) -> None:
        rated.append(len(given[0]))

    stage.generator.register_forward_hook(draw)
    stage.critic.register_forward_hook(rate)
    for step in (1, 2, 3):  # R1 is due in the second, the moments as well
        stage.step([groups(2)], step, 0.5)
    # Shared: 3 samples of all 4 images. Else one of each, and in turn 3 of the first 2.
    assert drawn == ([12, 12, 12] if shared == "true" else [4, 4, 3, 3, 4])
    # The critic sees the sources, the samples to learn from, those to rate; and sources for R1.
    fakes = 12 if shared == "true" else 4
    assert rated == [4, fakes, fakes, 4, fakes, 4, fakes, 4, fakes, fakes]


def test_parts_of_a_batch_count_alike() -> None:
    alone = ("adversarial=0", "consistency=[0, 0]", "crps=0", "feature_matching=0")
    changes = [f"losses.{change}" for change in (*alone, "second_moment=0")]
    stage = stage_of(recipe_with(*changes, accumulate=2))
    losses = stage.step([groups(2)[:1], groups(2)[1:]], 0, 0.5)
    stepped = gradients(stage.generator)
    expected, parts = [], []
    for part, own in enumerate(groups(2)):
        batch = compress([own], CPU)
        stage.generator.zero_grad()
        noise = RandomNoise(stage.random(0, part, _SAMPLE))
        images = stage.generator(batch.files, noise, 3)
        loss = first_moment(images.unflatten(0, (2, 3)), batch.targets)
        loss.backward()
        parts.append(gradients(stage.generator))
        expected.append(loss.detach())
    torch.testing.assert_close(losses["first_moment"], torch.stack(expected).mean())
    torch.testing.assert_close(stepped, torch.stack(parts).mean(dim=0), rtol=1e-4, atol=1e-7)
