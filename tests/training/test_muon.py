"""Muon: what an update does, against singular value decompositions and Adam, and its state."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.muon import Muon, orthogonalize
from jpegx.training.recipe.recipe import parse_recipe
from jpegx.training.run import make_stages
from jpegx.training.run_checkpoint import Position, load_checkpoint, save_checkpoint
from jpegx.training.stages.stage import Stage
from jpegx.training.stopwatch import Stopwatch

RECIPE = """
[generator]
family = "unet"
config = {widths = [32, 40], encoder = [1, 1], decoder = [1, 1]}
[training]
optimizer = "muon"
[regression]
steps = 4
"""


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 40), (40, 8)])
def test_orthogonalized_matrices_keep_their_singular_vectors(height: int, width: int) -> None:
    matrices = torch.randn(3, height, width, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    # In the basis of the matrix itself the result is diagonal.
    inner = left.mT @ orthogonalize(matrices) @ right.mT
    diagonal = inner.diagonal(dim1=1, dim2=2)
    assert (inner - torch.diag_embed(diagonal)).abs().max() < 0.05
    large = values > 0.02 * matrices.norm(dim=(1, 2))[:, None]
    assert large.float().mean() > 0.9
    assert diagonal[large].min() > 0.6
    assert diagonal[large].max() < 1.3


def test_kernels_move_by_muon_and_the_rest_by_adam() -> None:
    torch.manual_seed(0)
    hidden = nn.Conv2d(64, 32, 3)
    layers = nn.ModuleList([hidden, nn.Conv2d(3, 64, 3), nn.Linear(64, 64)])
    ours = {name: value.detach().clone() for name, value in layers.named_parameters()}
    theirs = {name: nn.Parameter(value.clone()) for name, value in ours.items()}
    muon = Muon(layers.parameters(), (0.9, 0.99), ratio=7.0)
    adam = torch.optim.Adam(theirs.values(), lr=1e-3, betas=(0.9, 0.99))
    muon.param_groups[0]["lr"] = 1e-3
    for _ in range(3):
        for name, parameter in layers.named_parameters():
            parameter.grad = torch.randn_like(parameter)
            theirs[name].grad = parameter.grad.clone()
        muon.step()
        adam.step()
    for name, parameter in layers.named_parameters():
        if name == "0.weight":
            continue
        assert torch.allclose(parameter, theirs[name], atol=1e-7), name
    before = hidden.weight.detach().clone()
    muon.step()
    values = torch.linalg.svdvals((before - hidden.weight).detach().reshape(32, -1))
    assert 0.6 * 7e-3 < float(values.min()) <= float(values.max()) < 1.3 * 7e-3


def test_a_kernel_without_gradient_stays() -> None:
    layer = nn.Conv2d(32, 32, 3)
    before = layer.weight.detach().clone()
    muon = Muon(layer.parameters(), (0.9, 0.999), ratio=1.0)
    muon.param_groups[0]["lr"] = 1.0
    muon.step()
    assert torch.equal(layer.weight, before)


def test_a_restored_run_goes_on_as_the_first(tmp_path: Path) -> None:
    recipe, cpu = parse_recipe(RECIPE, "recipe"), torch.device("cpu")
    (first, ours), (second, theirs) = (
        make_stages(recipe, Precision(cpu, torch.float32), Crew(), Stopwatch(cpu), None)
        for _ in "ab"
    )
    path = tmp_path / "last.safetensors"
    move(ours["regression"], range(2))
    save_checkpoint(path, first, ours["regression"], Position("regression"))
    load_checkpoint(path, second, theirs)
    for stages in (ours, theirs):
        move(stages["regression"], range(2, 4))
    moved = zip(first.generator.parameters(), second.generator.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in moved)


def move(stage: Stage[Any], steps: range) -> None:
    stage.prepare()
    stage.set_rate(1e-3)
    for step in steps:
        torch.manual_seed(step)
        for parameter in stage.trained:
            parameter.grad = torch.randn_like(parameter)
        stage.optimizer.step()
