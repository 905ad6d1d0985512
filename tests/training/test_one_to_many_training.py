"""What Guo and Chao 2017 minimize: the JPEG loss, and an epoch without a critic."""

from itertools import product
from math import cos, pi, sqrt
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from conftest import Run
from jpeg_batches import FACTORS, batch_of, random_files
from jpegx.jpeg.color import change_in_pixels, to_components
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import dequantize, planes, repeated
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.losses.jpeg_loss import jpeg_loss
from jpegx.training.recipe.recipe import load_recipe, parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.stopwatch import Stopwatch
from training_data import RECIPE, groups, write_images, write_recipe

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")


def shown(file: JpegBatch, moved: float) -> Tensor:
    """The dequantized picture, each coefficient a share of its half step further, 0 to 1.

    Chroma is repeated, so that what down-samples it finds the same coefficients.
    """
    half = [walls.half for walls in file.cell()]
    values = [v.float() for v in dequantize(file.coefficients, file.tables)]
    grids = [v + moved * h for v, h in zip(values, half, strict=True)]
    components = torch.stack(repeated(planes(grids), file.layout), dim=1)
    pixels = change_in_pixels(components, file.layout) + 128
    return pixels.expand(-1, 3, -1, -1) / 255


@pytest.mark.parametrize("sampling", FACTORS)
def test_the_jpeg_loss_is_0_within_the_cells(sampling: str) -> None:
    file = random_files(sampling, 2, (32, 64), (4, 60))
    for moved in (0.0, 0.99, -0.99):
        assert float(jpeg_loss(shown(file, moved), [file])) < 1e-9
    assert float(jpeg_loss(shown(file, 1.5), [file])) > 1e-6


def test_the_jpeg_loss_of_one_coefficient() -> None:
    layout = Layout(16, 8, "gray", ((1, 1),))
    file = batch_of([torch.zeros(1, 1, 2, 8, 8)], [torch.full((8, 8), 20.0)], layout)
    distance = torch.zeros(1, 1, 2, 8, 8)
    distance[0, 0, 1, 2, 3] = 35.0
    images = (planes([distance])[0][:, None].expand(-1, 3, -1, -1) + 128) / 255
    images = images.clone().requires_grad_()
    loss = jpeg_loss(images, [file])
    assert float(loss.detach()) == pytest.approx((35**2 - 10**2) / 128 / 255**2, rel=1e-4)
    loss.backward()
    assert images.grad is not None
    # That of the squared distance from the middle of the cell, not from its wall; along the
    # coefficient's own wave, of norm 1.
    wave = planes([distance / 35])[0][0]
    slope = (images.grad.sum(dim=1)[0] * wave).sum()
    assert float(slope) == pytest.approx(255 * 2 * 35 / 128 / 255**2, rel=1e-4)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0", "gray"])
def test_the_jpeg_loss_by_brute_force(sampling: str) -> None:
    file = random_files(sampling, 1, (16, 32), (4, 60))
    images = torch.rand(1, 3, 16, 32, generator=torch.Generator().manual_seed(2))
    seen = images.mean(dim=1, keepdim=True) if sampling == "gray" else images
    components = to_components(seen * 255, file.layout)[0].double()
    total, number = 0.0, 0
    for component, (h, v) in enumerate(file.layout.factors):
        across, down = (
            most // own for most, own in zip(file.layout.max_factors, (h, v), strict=True)
        )
        plane = components[component].unflatten(0, (-1, down)).unflatten(2, (-1, across))
        plane = plane.mean(dim=(1, 3))
        grid, table = file.coefficients[component][0], file.tables[component][0]
        for row, column in product(range(grid.shape[0]), range(grid.shape[1])):
            block = plane[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            for i, j in product(range(8), range(8)):
                value = sum(
                    float(block[y, x]) * _wave(i, y) * _wave(j, x)
                    for y, x in product(range(8), range(8))
                )
                step = float(table[i, j])
                away = value - float(grid[row, column, i, j]) * step
                total += max(away**2 - (step / 2) ** 2, 0)
                number += 1
    assert float(jpeg_loss(images, [file])) == pytest.approx(total / number / 255**2, rel=1e-4)


def _wave(frequency: int, place: int) -> float:
    return sqrt((2 if frequency else 1) / 8) * cos((2 * place + 1) * frequency * pi / 16)


def _losses(progress: float, *changes: str) -> set[str]:
    changes = tuple(f"adversarial.{change}" for change in changes)
    recipe = parse_recipe(RECIPE, "small", ["data.patch=48", *changes])
    precision = Precision.choose("float32", CPU)
    _, stages = make_stages(recipe, precision, Crew(), Stopwatch(CPU), None)
    stage = stages["adversarial"]
    stage.prepare()
    return set(stage.step([groups(2)], 1, progress))


def test_there_is_no_critic_while_it_is_quiet() -> None:
    changes = ("quiet=0.5", "losses.jpeg=0.1", "losses.consistency=[0, 0]")
    game = {"critic", "critic_right", "adversarial", "features"}
    assert _losses(0.49, *changes) == {"jpeg", "generator"}
    assert _losses(0.5, *changes) == {"jpeg", "generator"} | game
    # Before there are features of a critic that match, something must say what pictures are.
    stands_in = (*changes, "losses.perceptual=1")
    assert _losses(0.49, *stands_in) == {"jpeg", "error", "generator"}
    assert _losses(0.5, *stands_in) == {"jpeg", "generator"} | game


def test_the_published_recipes() -> None:
    recipe = load_recipe("one-to-many")
    assert recipe.active == ["adversarial"]
    with torch.random.fork_rng(), torch.device("cpu"):
        precision = Precision.choose("float32", CPU)
        _, stages = make_stages(recipe, precision, Crew(), Stopwatch(CPU), None)
    networks = {
        **stages["adversarial"].own_networks(),
        "generator": stages["adversarial"].generator,
    }
    sizes = {n: sum(p.numel() for p in network.parameters()) for n, network in networks.items()}
    assert sizes == {"critic": 8_333_441, "generator": 1_595_713}
    assert load_recipe("one-to-many-baseline").active == ["regression"]
    compact = load_recipe("compact-one-to-many")
    assert compact.active == ["regression", "head"]


def test_a_critic_of_another_size_is_refused() -> None:
    changes = ("critic.family=dcgan2", "critic.config={patch = 32, widths = [4, 4, 4, 4]}")
    with pytest.raises(ValueError, match="dcgan2 is made for patches of 32 pixels, not 48"):
        _losses(1, *changes)


def test_a_run_from_the_baseline_to_a_sampler(run: Run, tmp_path: Path) -> None:
    """The first stage has no branch of noise in its picture, nor in its weights."""
    data = write_images(tmp_path / "data")
    config = "{features = 8, branch = 1, trunk = 1, channels = 1}"
    text = RECIPE.replace('family = "unet"', 'family = "one-to-many"')
    start = text.index("config =")
    text = text[:start] + f"config = {config}" + text[text.index("\n", start) :]
    recipe = write_recipe(tmp_path, text)
    steps = [f"--set={stage}.steps={n}" for stage, n in (("regression", 2), ("adversarial", 0))]
    arguments = ("train", "--data", data, "--recipe", recipe, "--set=run.validate_every=2")
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(*arguments, *steps, "-o", first).exit_code == 0
    baseline, sampler = tmp_path / "baseline.safetensors", tmp_path / "sampler.safetensors"
    assert run("train", "export", first, baseline).exit_code == 0
    names = set(load_file(baseline))
    assert not any("noise" in name for name in names)
    begun = ("--set", f"training.start={baseline}", "--set=regression.steps=0")
    quick = ("--set=adversarial.steps=2", "--set=adversarial.losses.second_moment=0")
    assert run(*arguments, *begun, *quick, "-o", second).exit_code == 0
    assert run("train", "export", second, sampler).exit_code == 0
    more = set(load_file(sampler)) - names
    assert more
    assert all(name.startswith("noise.") for name in more)
