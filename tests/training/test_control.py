"""The control stage: the game of Bahat and Michaeli 2021, and the losses beside it."""

from collections.abc import Sequence
from math import log
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from conftest import Run
from jpegx.models.critic import Critic, Ratings
from jpegx.models.critics.block_dct import DctConfig, DctCritic
from jpegx.models.noise import EvenNoise, HeldNoise, NoiseField, RandomNoise
from jpegx.models.registry import critics, generators
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import Batch, compress
from jpegx.training.losses.adversarial_game import GAMES, mix_looks, slope_penalty
from jpegx.training.losses.nearest_sample import distances, range_loss, search_noise
from jpegx.training.losses.structure import StructuredNoise, StructureLoss, structure_numbers
from jpegx.training.recipe.recipe import load_recipe, parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.stages.control import ControlStage
from jpegx.training.stages.control_options import ControlOptions
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, gradients, groups, write_images, write_recipe

CPU = torch.device("cpu")
TINY = {"luma": 8, "luma_layers": 1, "chroma": 8, "chroma_layers": 1}
CONTROL = (
    RECIPE.partition("[generator]")[0]
    + """
[generator]
family = "explorable"
config = {luma = 8, luma_layers = 1, chroma = 8, chroma_layers = 1}
[training]
precision = "float32"
[regression]
steps = 2
learning_rate = 1e-3
loss = "l1"
[control]
steps = 4
learning_rate = 1e-3
critic_steps = 2
wait = false
map_steps = 2
map_every = 2
structure = 0.1
[control.critic]
family = "dct"
config = {width = 8, layers = 1, pool = true}
"""
    + RECIPE[RECIPE.index("[validation]") :]
)

pytestmark = pytest.mark.usefixtures("one_thread")


def gray_batch() -> Batch:
    """Two gray patches of 48x48."""
    return compress([groups(2)[1]], CPU)


def stage_of(*changes: str) -> ControlStage:
    """The learning rates are 0: a step leaves its gradients, and all weights as they are."""
    recipe = parse_recipe(CONTROL, "small", ["data.patch=48", "regression.steps=0", *changes])
    precision = Precision.choose("float32", CPU)
    _, stages = make_stages(recipe, precision, Crew(), Stopwatch(CPU), None)
    stage = stages["control"]
    assert isinstance(stage, ControlStage)
    stage.prepare()
    return stage


def test_parameters_of_the_published_critic() -> None:
    with torch.device("meta"):
        critic = critics.create("dct")
    assert sum(p.numel() for p in critic.parameters()) == 8_854_081
    seen = [torch.empty(2, 64, 32, 32, device="meta")]
    assert critic.rate(seen, seen, None).logits[0].shape == (2, 1, 1, 1)


def test_patches_that_the_critic_can_rate() -> None:
    DctCritic(DctConfig(width=2, layers=1)).check_patch(256)
    for config, words in (
        (DctConfig(width=2, layers=1, blocks=8), "for 8 blocks each way, not 6"),
        (DctConfig(width=2, layers=1, pool=True, component="chroma"), "needs 5 blocks"),
    ):
        with pytest.raises(ValueError, match=words):
            DctCritic(config).check_patch(48)
    # 3 convolutions; 6 blocks leave 4 if one of them is not padded, so all are.
    critic = DctCritic(DctConfig(width=2, layers=2, blocks=6))
    seen = [torch.randn(1, 64, 6, 6)]
    assert critic.rate(seen, seen, None).logits[0].shape == (1, 1, 1, 1)


@torch.no_grad()
def test_what_the_critic_sees() -> None:
    batch = compress(groups(1), CPU)  # 4:2:0
    (file,) = batch.files
    quantized = (batch.targets * 255).round() / 255
    for component, channels in (("luma", 64), ("chroma", 128)):
        critic = DctCritic(DctConfig(component=component, width=4, layers=1, pool=True))
        (seen,) = critic.look_at(quantized, batch.files)
        (beside,) = critic.conditions(quantized, batch.files)
        assert seen.shape[1] == channels
        ints = beside[:, -channels:]
        # The source's own coefficients, in steps, round to those of the file.
        assert (seen - ints).abs().max() < 0.6
        assert beside.shape[1] == (64 if component == "luma" else 256 + 128)
        logits = critic.rate([seen], [beside], None).logits[0]
        assert logits.shape == (len(file), 1, 1, 1)


class _Slope(Critic):
    """Rates an image by its product with a pattern."""

    def __init__(self, pattern: Tensor) -> None:
        super().__init__()
        self.pattern = pattern

    def rate(
        self, seen: Sequence[Tensor], decoded: Sequence[Tensor], mean: Tensor | None
    ) -> Ratings:
        (images,) = seen
        return Ratings([(images * self.pattern).sum(dim=(1, 2, 3))[:, None, None, None]], [])


def test_the_penalty_of_slopes() -> None:
    pattern = F.normalize(torch.randn(3, 4, 4).flatten(), dim=0).view(3, 4, 4)
    looks = [torch.rand(5, 3, 4, 4)]
    for gain in (0.0, 1.0, 3.0):
        found = slope_penalty(_Slope(gain * pattern), looks, looks)
        assert found.item() == pytest.approx((gain - 1) ** 2, abs=1e-5)
    random = torch.Generator().manual_seed(0)
    (mixed,) = mix_looks([torch.zeros(5, 2)], [torch.ones(5, 2)], random)
    assert torch.equal(mixed[:, 0], mixed[:, 1])
    assert len(mixed[:, 0].unique()) == 5


def test_the_wasserstein_game() -> None:
    real, fake = [torch.tensor([3.0, 1.0])], [torch.tensor([1.0, -2.0])]
    game = GAMES["wasserstein"]
    assert game.critic(real, fake).item() == pytest.approx(-0.5 - 2)
    assert game.generator(real, fake).item() == pytest.approx(0.5)


def test_the_range_loss() -> None:
    images = torch.tensor([-0.5, 0.0, 0.4, 1.0, 1.25, 0.9]).view(1, 1, 2, 3)
    assert range_loss(images).item() == pytest.approx(0.75 / 6)


def test_losses_in_gray_levels_give_the_same_gradients() -> None:
    """L_Adv + 200 L_Range + 0.1 L_Map of the paper, in 0 … 255."""
    options = ControlOptions()
    images = (torch.rand(1, 3, 4, 4) * 1.4 - 0.2).requires_grad_()
    target = torch.rand(1, 3, 4, 4)
    ours = options.range * range_loss(images) + options.map * distances(images, target).mean()
    (found,) = torch.autograd.grad(ours, images)
    levels = (images * 255).detach().requires_grad_()
    outside = (levels - levels.clamp(0, 255)).abs().mean()
    theirs = 200 * outside + 0.1 * (levels - 255 * target).abs().mean()
    (wanted,) = torch.autograd.grad(theirs, levels)
    torch.testing.assert_close(found, wanted * 255)


def test_the_search_comes_nearer_to_the_source() -> None:
    torch.manual_seed(0)
    generator = generators.create("explorable", TINY)
    for parameter in generator.parameters():
        if parameter.dim() == 4:
            parameter.data.mul_(20)
    batch = gray_batch()
    begin = RandomNoise(torch.Generator().manual_seed(3))
    encoded = generator.encode(batch.files)
    before = distances(generator.render(encoded, begin), batch.targets)
    last = before.detach()
    for steps in (1, 4, 16):
        begin = RandomNoise(torch.Generator().manual_seed(3))
        noise = search_noise(generator, encoded, batch.targets, begin, steps, 0.5)
        now = distances(generator.render(encoded, noise), batch.targets).detach()
        assert (now <= last + 1e-5).all()
        last = now
    assert (last < 0.98 * before).all()
    assert all(p.grad is None for p in generator.parameters())


def test_noise_that_is_even_for_some_files() -> None:
    field = NoiseField(2, 8)
    drawn = EvenNoise(RandomNoise(), share=0.5).draw(field, torch.empty(8, 1, 3, 3), samples=2)
    even = (drawn == drawn[:, :, :1, :1]).flatten(1).all(dim=1)
    assert even.tolist() == [False, False, True, True, False, False, True, True]


def test_structure_numbers_by_hand() -> None:
    ramp = torch.arange(5.0).expand(1, 3, 5, 5) / 10  # 0.1 a pixel across, 16 differences
    steep = ramp * 2 + ramp.mT
    numbers = structure_numbers(steep, steep)
    across, down = 16 * 0.2**2, 16 * 0.1**2
    scale = (across * down) ** 0.5
    torch.testing.assert_close(
        numbers, torch.tensor([[across, down, 16 * 0.02]]) / scale, rtol=1e-4, atol=1e-5
    )


def test_control_of_structure() -> None:
    noise = StructuredNoise(RandomNoise(torch.Generator().manual_seed(1)))
    held = HeldNoise(noise)
    drawn = 2 * held.draw(NoiseField(64, 8, "uniform"), torch.empty(2000, 1, 2, 2))
    three = drawn[:, :3, 0, 0].double()
    assert torch.equal(drawn[:, 0], drawn[:, 63])
    # Eigenvalues of the tensor (across, diagonal / 2; ..., down) are from 0 to 1.
    across, down, diagonal = ((three[:, 0] + 1) / 2), ((three[:, 1] + 1) / 2), three[:, 2] / 2
    middle = (across + down) / 2
    room = ((across - down).square() / 4 + diagonal.square()).sqrt()
    assert (middle - room).min() > -1e-4
    assert (middle + room).max() < 1 + 1e-4
    loss = StructureLoss()
    sources = torch.rand(40, 3, 16, 16)
    control = torch.zeros(40, 64, 2, 2)
    first = loss(sources, sources, control)
    assert first.isfinite()
    assert (loss.high > loss.low).all()
    # To ask for much of everything is met better by stronger gradients.
    high = torch.ones(40, 64, 2, 2)
    assert loss(1.05 * sources, sources, high) < loss(0.9 * sources, sources, high)


def test_a_step_is_the_losses_of_the_options() -> None:
    stage = stage_of("control.critic_steps=1")
    losses = stage.step([groups(2)], 0, 0.0)
    names = {"critic", "slope", "adversarial", "range", "map", "structure", "generator"}
    assert set(losses) == names
    options = stage.options
    whole = (
        options.adversarial * losses["adversarial"]
        + options.range * losses["range"]
        + options.map * options.map_every * losses["map"]
        + options.structure * losses["structure"]
    )
    torch.testing.assert_close(losses["generator"], whole)
    assert gradients(stage.generator).abs().max() > 0
    assert gradients(stage.critic).abs().max() > 0
    # A step in which no search is due has one sample a file, one in which only the critic learns
    # no loss of the generator.
    assert "map" not in stage.step([groups(2)], 1, 0.0)
    assert set(stage_of().step([groups(2)], 1, 0.0)) == {"critic", "slope"}


def test_the_generator_waits_for_a_critic_that_knows() -> None:
    stage = stage_of("control.critic_steps=1", "control.wait=true")
    assert "generator" not in stage.step([groups(2)], 0, 0.0)
    stage.history.seen.fill_(0.9 * log(1.1))
    assert not stage.history.tells()
    stage.history.seen.fill_(5)
    assert stage.history.tells()
    stage.history.add([torch.zeros(4, 1, 1, 1)], [torch.ones(4, 1, 1, 1)])
    assert stage.history.seen[-1].tolist() == [-1, 0]
    assert "generator" in stage.step([groups(2)], 0, 0.0)


def test_frozen_luma_keeps_its_statistics() -> None:
    stage = stage_of("training.frozen=['luma.']", "control.critic_steps=1")
    before = {k: v.clone() for k, v in stage.generator.state_dict().items()}
    stage.step([groups(1)], 0, 0.0)
    changed = {k for k, v in stage.generator.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert not any(name.startswith("luma.") for name in changed)


def test_bad_recipes_are_refused_in_a_line(run: Run, tmp_path: Path) -> None:
    images, recipe = write_images(tmp_path / "images"), write_recipe(tmp_path, CONTROL)
    for change, words in (
        ("control.critic.config={component='chroma'}", "cannot be rated where data.sampling"),
        ("control.critic.config={width=4, layers=1}", "made for 32 blocks each way, not 4"),
        ("control.critic.family=pixel", "control.critic.family must be given, one of dcgan"),
        ("control.map_steps=0", "control.map_steps must be at least 1"),
    ):
        result = run(
            "train", "--data", images, "--recipe", recipe, "--set", change, "-o", tmp_path / "run"
        )
        assert result.exit_code == 1
        assert words in result.output
    assert not (tmp_path / "run").exists()


def test_a_run_through_both_stages(run: Run, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", size=(64, 56))
    recipe = write_recipe(tmp_path, CONTROL)
    result = run(
        *("train", "--data", images, "--recipe", recipe, "--set", "data.patch=48"),
        *("-o", tmp_path / "run"),
    )
    assert result.exit_code == 0, result.output
    weights = tmp_path / "own.safetensors"
    assert run("train", "export", tmp_path / "run", weights).exit_code == 0
    assert result.output.count("done, 6 steps") == 1


def test_published_recipes_are_whole() -> None:
    for name in ("explorable-luma", "explorable", "compact-explorable"):
        recipe = load_recipe(name)
        assert recipe.makes_sampler
    recipe = load_recipe("explorable")
    assert recipe.training.frozen == ("luma.",)
    twin = load_recipe("explorable", ["generator.config.noise=false", "control.steps=0"])
    assert (twin.active, twin.makes_sampler) == (["regression"], False)
