"""What training changes: the networks, their optimizers and the average of the weights."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from jpegx.models.checkpoint import load
from jpegx.models.critic import create_critic
from jpegx.models.generator import Generator
from jpegx.models.registry import create
from jpegx.training.recipe import Recipe

M = TypeVar("M", bound=nn.Module)


@dataclass
class Networks:
    """The networks of a run, on one device, in channels_last where they are convolutions.

    ``average``: moving average of the generator, what is validated and exported. ``reference``:
    X̄(Y) of Eq. 7. ``critic`` and ``reference`` are None where the recipe has no use for them.
    """

    generator: Generator
    average: Generator
    critic: nn.Module | None
    reference: Generator | None
    generator_optimizer: torch.optim.Optimizer
    critic_optimizer: torch.optim.Optimizer | None

    def modules(self) -> dict[str, nn.Module]:
        """The networks that there are, by name."""
        named = {
            "generator": self.generator,
            "average": self.average,
            "critic": self.critic,
            "reference": self.reference,
        }
        return {name: module for name, module in named.items() if module is not None}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers that there are, by name."""
        named = {"generator": self.generator_optimizer, "critic": self.critic_optimizer}
        return {name: optimizer for name, optimizer in named.items() if optimizer is not None}

    def update_average(self, decay: float, step: int) -> None:
        """Move the average towards the generator (paper 1, A.2).

        In the first steps the decay is smaller, so that the start is soon forgotten.
        """
        decay = min(decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.generator.parameters()), 1 - decay
            )
            for ours, theirs in zip(
                self.average.buffers(), self.generator.buffers(), strict=True
            ):
                ours.copy_(theirs)


def create_networks(recipe: Recipe, device: torch.device) -> Networks:
    """The networks at the start of a run; the seed of the recipe decides their first weights.

    Raises OSError and what ``models.checkpoint.load`` raises if the recipe names weights that
    cannot be read.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.training.seed)
        if recipe.training.start:
            generator, _ = load(Path(recipe.training.start), torch.device("cpu"), torch.float32)
        else:
            generator = create(recipe.generator.family, recipe.generator.config)
        critic = None
        if recipe.adversarial.steps:
            critic = create_critic(recipe.critic.family, recipe.critic.config)
    generator = _placed(generator, device).requires_grad_(True).train()
    betas = recipe.training.betas
    reference = None
    if recipe.adversarial.steps and recipe.losses.second_moment:
        if recipe.moments.reference:
            reference, _ = load(Path(recipe.moments.reference), device, torch.float32)
        else:
            reference = deepcopy(generator)
        reference = _frozen(_placed(reference, device))
    if critic is not None:
        critic = _placed(critic, device).train()
    return Networks(
        generator,
        _frozen(deepcopy(generator)),
        critic,
        reference,
        _adam(generator.parameters(), betas),
        None if critic is None else _adam(critic.parameters(), betas),
    )


def _placed(module: M, device: torch.device) -> M:
    return module.to(device=device, memory_format=torch.channels_last)


def _frozen(module: M) -> M:
    return module.requires_grad_(False).eval()


def _adam(parameters: Iterable[nn.Parameter], betas: tuple[float, float]) -> torch.optim.Adam:
    # The schedules set the learning rate at every step.
    return torch.optim.Adam(parameters, lr=0.0, betas=betas)
