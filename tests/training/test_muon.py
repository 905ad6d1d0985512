"""Muon: what an update does, against singular value decompositions and Adam, and its state."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from jpegx.training.muon import Muon, orthogonalize
from jpegx.training.networks import Networks, create_networks
from jpegx.training.recipe.recipe import parse_recipe
from jpegx.training.run_checkpoint import Position, load_checkpoint, save_checkpoint

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
    recipe = parse_recipe(RECIPE, "recipe")
    first, second = (create_networks(recipe, torch.device("cpu"), None) for _ in "ab")
    move(first, range(2))
    save_checkpoint(tmp_path / "last.safetensors", first, Position())
    load_checkpoint(tmp_path / "last.safetensors", second)
    for networks in (first, second):
        move(networks, range(2, 4))
    for ours, theirs in zip(parameters(first), parameters(second), strict=True):
        assert torch.equal(ours, theirs)


def move(networks: Networks, steps: range) -> None:
    networks.set_rates(1e-3, 0.0)
    for step in steps:
        torch.manual_seed(step)
        for parameter in parameters(networks):
            parameter.grad = torch.randn_like(parameter)
        networks.generator_optimizer.step()


def parameters(networks: Networks) -> list[Tensor]:
    return list(networks.generator.parameters())
