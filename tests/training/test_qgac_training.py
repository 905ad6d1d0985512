"""What Ehrlich et al. 2020 train with: SSIM, frozen luma, halvings, their game, texture."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from jpegx.metrics.ssim import similarity
from jpegx.models.files import decoded_rgb
from jpegx.models.registry import generators
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import compress
from jpegx.training.data.images import ImageSet
from jpegx.training.data.patches import Group, PatchRules, draw_group, ijg_tables
from jpegx.training.losses.adversarial_game import GAMES
from jpegx.training.losses.perceptual import Vgg, texture
from jpegx.training.losses.pixel_errors import absolute_error_and_similarity
from jpegx.training.options import BadRecipe, DataOptions
from jpegx.training.recipe.recipe import load_recipe, parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.schedules import halving
from jpegx.training.stages.adversarial_options import AdversarialOptions
from jpegx.training.stages.regression import RegressionOptions
from jpegx.training.start import check_start
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, groups, write_images

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
QGAC = [
    "generator.family=qgac",
    "generator.config={features = 8, growth = 8, between = 2, manifold = 4, per_frequency = 2, "
    "chroma = 4}",
    "adversarial.losses.second_moment=0",
]


def test_recipes_as_published() -> None:
    luma, colour, gan = (load_recipe(name) for name in ("qgac-luma", "qgac", "qgac-gan"))
    for recipe in (luma, colour, gan):
        assert recipe.data.qualities == tuple(range(10, 101, 10))
        assert (recipe.data.patch, recipe.data.batch, recipe.generator.config) == (256, 32, {})
        assert (recipe.data.native, recipe.data.turn) == (1, False)
        assert (recipe.training.optimizer, recipe.training.betas) == ("adam", (0.9, 0.999))
    assert luma.data.sampling == {"gray": 1}
    assert colour.data.sampling == gan.data.sampling == {"4:2:0": 1}
    assert (colour.training.frozen, gan.training.frozen) == (("luma.",), ())
    first, second = luma.of(RegressionOptions), colour.of(RegressionOptions)
    assert [s.loss for s in (first, second)] == ["l1_ssim"] * 2
    assert [s.ssim for s in (first, second)] == [0.05] * 2
    assert (first.steps, second.steps) == (400_000, 100_000)
    assert [first.rate(step, 0.5) for step in (0, 99_999, 100_000, 399_999)] == [
        1e-3,
        1e-3,
        5e-4,
        1.25e-4,
    ]
    assert second.rate(100_000, 0.0) == 1e-3
    assert second.rate(0, 1.0) == pytest.approx(1e-6)
    stage = gan.of(AdversarialOptions)
    assert gan.active == ["adversarial"]
    assert (stage.steps, stage.learning_rate, stage.final_learning_rate) == (100_000, 1e-4, 1e-6)
    weights = stage.losses
    assert (weights.game, weights.adversarial) == ("relativistic", 5e-3)
    assert (weights.texture, weights.texture_layer, weights.l1) == (1, "conv5_3", 1e-2)
    assert (weights.r1, weights.consistency, stage.critic.family) == (0, (0, 0), "dcgan")


def test_rows_of_the_published_ablation() -> None:
    """Table 5: luma alone, every row of about as many parameters."""
    rows: tuple[tuple[str, ...], ...] = (
        (),
        ("tables=none", "features=554", "growth=554"),
        ("tables=concat", "features=554", "growth=554"),
        ("parts=frequency", "per_frequency=97"),
        ("parts=block",),
        ("fusion=false",),
    )
    for changes in rows:
        recipe = load_recipe("qgac-ablation", [f"generator.config.{each}" for each in changes])
        stage = recipe.of(RegressionOptions)
        assert (recipe.active, stage.steps, stage.schedule) == (["regression"], 100_000, "cosine")
        assert stage.rate(0, 1.0) == pytest.approx(1e-6)
        assert recipe.data == load_recipe("qgac-luma").data
        with torch.device("meta"):
            network = generators.create("qgac", recipe.generator.config)
        luma = [p for name, p in network.named_parameters() if name.startswith("luma.")]
        assert sum(p.numel() for p in luma) == pytest.approx(256.8e6, rel=0.01)


def test_what_a_stage_needs_is_asked_for_before_it_begins() -> None:
    for name, words in (
        ("qgac", "training.frozen needs training.start"),
        ("qgac-gan", "losses.texture needs adversarial.losses.minc"),
    ):
        with pytest.raises(BadRecipe, match=words):
            check_start(None, load_recipe(name), name)
    for name, changes in (
        ("qgac-gan", ["adversarial.losses.minc=file"]),
        ("compact-qgac-gan", []),
    ):
        with pytest.raises(BadRecipe, match=r"training\.start must name the weights or the run"):
            check_start(None, load_recipe(name, changes), name)
    for change, words in (
        ("regression.schedule=steps", "cosine or halving"),
        ("regression.schedule=halving", "regression.halve_every must be at least 1"),
        ("data.qualities=[0]", "data.qualities must be from 1 to 100"),
        ("adversarial.losses.game=chess", "separate, relativistic"),
        ("adversarial.losses.texture_layer=conv5_4", "conv5_3, or relu"),
        ("adversarial.losses.minc=file", "needs adversarial.losses.texture"),
    ):
        with pytest.raises(BadRecipe, match=words):
            parse_recipe(RECIPE, "small", [change])


def test_a_rate_is_halved() -> None:
    assert [halving(8, 10, step) for step in (0, 9, 10, 25, 30)] == [8, 8, 4, 2, 1]


def test_patches_have_one_of_the_listed_qualities(tmp_path: Path) -> None:
    images = ImageSet(sorted(write_images(tmp_path / "in").iterdir()), 32, 1.0, print)
    data = DataOptions(patch=32, batch=4, groups=1, qualities=(10, 90), sampling={"gray": 1})
    rules = PatchRules.of(data)
    wanted = {quality: ijg_tables([quality])[0] for quality in (10, 90)}
    found = set()
    for step in range(8):
        for tables in draw_group(images, rules, 0, step, 0).tables:
            found |= {quality for quality, own in wanted.items() if torch.equal(own, tables)}
            assert any(torch.equal(own, tables) for own in wanted.values())
    assert found == {10, 90}


def test_similarity_is_that_of_the_flat_window_and_differentiable() -> None:
    random = torch.Generator().manual_seed(0)
    originals = torch.rand(2, 3, 20, 17, generator=random) * 255
    images = (originals + 40 * torch.randn(2, 3, 20, 17, generator=random)).clamp(0, 255)
    expected = []
    for image, original in zip(images.numpy(), originals.numpy(), strict=True):
        for one, other in zip(image, original, strict=True):
            values = []
            for y, x in np.ndindex(13, 10):
                a, b = one[y : y + 8, x : x + 8], other[y : y + 8, x : x + 8]
                shared = ((a - a.mean()) * (b - b.mean())).mean()
                c1, c2 = 2.55**2, 7.65**2
                values.append(
                    (2 * a.mean() * b.mean() + c1)
                    * (2 * shared + c2)
                    / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (a.var() + b.var() + c2))
                )
            expected.append(np.mean(values))
    images.requires_grad_()
    found = similarity(images, originals, "uniform")
    assert float(found.detach()) == pytest.approx(np.mean(expected), abs=1e-5)
    found.backward()
    assert images.grad is not None
    moved = images.detach().clone()
    moved[1, 2, 9, 9] += 1.0
    slope = float(similarity(moved, originals, "uniform") - found.detach())
    assert slope == pytest.approx(float(images.grad[1, 2, 9, 9]), rel=0.1)


def test_the_gradient_of_ssim_is_that_of_its_formula() -> None:
    random = torch.Generator().manual_seed(1)
    x, y = (torch.rand(2, 3, 17, 12, generator=random) * 255 for _ in range(2))
    x.requires_grad_()
    (found,) = torch.autograd.grad(similarity(x, y, "uniform"), x)
    mean_x, mean_y, squares_x, squares_y, both = (
        F.avg_pool2d(values, 8, stride=1) for values in (x, y, x * x, y * y, x * y)
    )
    c1, c2 = 2.55**2, 7.65**2
    above = (2 * mean_x * mean_y + c1) * (2 * (both - mean_x * mean_y) + c2)
    spread = squares_x - mean_x.square() + squares_y - mean_y.square()
    below = (mean_x.square() + mean_y.square() + c1) * (spread + c2)
    (wanted,) = torch.autograd.grad((above / below).mean(), x)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-8)


def test_absolute_error_and_similarity_by_hand() -> None:
    targets = torch.full((1, 1, 8, 8), 0.5)
    images = torch.full((1, 1, 8, 8), 0.7)
    similar = (2 * 0.5 * 0.7 + 1e-4) / (0.5**2 + 0.7**2 + 1e-4)
    found = absolute_error_and_similarity(images, targets, 0.05)
    assert float(found) == pytest.approx(0.2 - 0.05 * similar, abs=1e-5)
    # Above white, as white; the gradient goes on pulling inwards.
    bright = torch.full((1, 1, 8, 8), 1.4, requires_grad=True)
    loss = absolute_error_and_similarity(bright, targets, 0.0)
    assert float(loss.detach()) == pytest.approx(0.5)
    loss.backward()
    assert bright.grad is not None
    assert float(bright.grad.sum()) == pytest.approx(1.0)


def test_the_relativistic_game_by_hand() -> None:
    real, fake = (torch.tensor(v).view(2, 1, 1, 1) for v in ([2.0, 1.0], [-1.0, 0.5]))

    def sigmoid(value: float) -> float:
        return 1 / (1 + exp(-value))

    of_real = [sigmoid(r - (-1 + 0.5) / 2) for r in (2, 1)]
    of_fake = [sigmoid(f - (2 + 1) / 2) for f in (-1, 0.5)]
    critic = -sum(map(log, of_real)) / 2 - sum(log(1 - d) for d in of_fake) / 2
    generator = -sum(log(1 - d) for d in of_real) / 2 - sum(map(log, of_fake)) / 2
    game = GAMES["relativistic"]
    assert float(game.critic([real], [fake])) == pytest.approx(critic, rel=1e-5)
    assert float(game.generator([real], [fake])) == pytest.approx(generator, rel=1e-5)
    # The rating of an image is the mean of its map; those of several maps are averaged.
    wide = [v.expand(2, 1, 3, 3) + torch.tensor([-1.0, 0, 1]) for v in (real, fake)]
    assert float(game.critic([wide[0], real], [wide[1], fake])) == pytest.approx(critic, rel=1e-5)


def test_texture_is_told_by_materials(tmp_path: Path) -> None:
    widths = [64, 64, 128, 128, *(256,) * 3, *(512,) * 6]
    names = [
        f"conv{b}{n}" for b, count in enumerate((2, 2, 3, 3, 3), 1) for n in range(1, count + 1)
    ]
    weights, inputs = {}, 3
    for name, width in zip(names, widths, strict=True):
        weights[f"{name}.weight"] = torch.zeros(width, inputs, 3, 3)
        weights[f"{name}.weight"][0, 0, 1, 1] = -1.0 if name == "conv53" else 1.0
        weights[f"{name}.bias"] = torch.zeros(width)
        inputs = width
    torch.save(weights, tmp_path / "minc.pth")
    save_file(weights, tmp_path / "minc.safetensors")
    images, targets = torch.full((1, 3, 32, 32), 0.75), torch.full((1, 3, 32, 32), 0.5)
    for name in ("minc.pth", "minc.safetensors"):
        minc = Vgg(16, tmp_path / name, "conv5_3")
        assert float(minc(images)[0, 0, 0, 0]) == -0.75  # before the activation, as it is
        assert float(texture(minc, images, targets)) == pytest.approx(0.25 / 512)


def test_frozen_weights_stay_and_others_learn() -> None:
    recipe = parse_recipe(RECIPE, "small", [*QGAC, 'training.frozen=["luma."]'])
    networks, made = make_stages(
        recipe, Precision(CPU, torch.float32), Crew(), Stopwatch(CPU), None
    )
    before = {name: value.clone() for name, value in networks.generator.named_parameters()}
    for stage in made.values():
        stage.prepare()
        stage.set_rate(1e-2)
        stage.step([groups(2)], 0, 0.5)
    changed = {
        name.partition(".")[0]
        for name, value in networks.generator.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert changed == {"colour"}
    for frozen, words in ((["lumen."], "begin with colour, luma"), ([""], "nothing to train")):
        wrong = parse_recipe(RECIPE, "small", [*QGAC, f"training.frozen={frozen}"])
        with pytest.raises(ValueError, match=words):
            make_stages(wrong, Precision(CPU, torch.float32), Crew(), Stopwatch(CPU), None)


def test_it_learns_from_the_first_steps() -> None:
    """Nothing swallows its gradients: a picture comes out better than it went in."""
    units = "generator.config.units=balanced"
    changes = [*QGAC, units, "regression.loss=mse", "adversarial.steps=0"]
    recipe = parse_recipe(RECIPE, "small", changes)
    networks, made = make_stages(
        recipe, Precision(CPU, torch.float32), Crew(), Stopwatch(CPU), None
    )
    smooth = torch.linspace(0, 255, 48)[:, None] * torch.linspace(0.3, 1, 48)
    patches = smooth.byte().expand(2, 3, 48, 48).contiguous()
    networks.generator.learn_statistics(patches)
    group = [Group(patches, ijg_tables([5, 5]), "gray")]
    made["regression"].prepare()
    made["regression"].set_rate(3e-3)
    losses = [float(made["regression"].step([group], step, 0.0)["mse"]) for step in range(30)]
    files = compress(group, CPU)
    before = F.mse_loss(decoded_rgb(files.files), files.targets)
    assert losses[-1] < 0.8 * float(before)
