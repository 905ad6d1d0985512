"""What training changes: the networks, their optimizers and the average of the weights."""

from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from jpegx.models.checkpoint import load
from jpegx.models.checkpoint_header import BadCheckpoint
from jpegx.models.critic import Critic
from jpegx.models.generator import Generator
from jpegx.models.registry import critics, generators
from jpegx.models.transfer import transfer
from jpegx.models.zoo import find
from jpegx.training.muon import Muon
from jpegx.training.recipe.keys import TrainingOptions
from jpegx.training.recipe.recipe import Recipe
from jpegx.training.recipe.toml_tables import BadRecipe

M = TypeVar("M", bound=nn.Module)


@dataclass
class Networks:
    """The networks of a run, on one device, in channels_last where they are convolutions.

    ``average``: moving average of the generator, what is validated and exported. ``reference``:
    X̄(Y), of Eq. 7 or for a guided first moment. It and ``critic`` are None where the recipe has no
    use for them.
    """

    generator: Generator
    average: Generator
    critic: Critic | None
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

    def set_rates(self, generator: float, critic: float) -> None:
        """Set the learning rates."""
        self.generator_optimizer.param_groups[0]["lr"] = generator
        if self.critic_optimizer is not None:
            self.critic_optimizer.param_groups[0]["lr"] = critic

    def are_finite(self) -> bool:
        """Whether all weights are numbers; a sum is not finite where one is not."""
        with torch.no_grad():
            tensors = [p for module in self.modules().values() for p in module.parameters()]
            return bool(torch.stack([tensor.sum() for tensor in tensors]).isfinite().all())

    def begin_adversarial(self, *, keep_reference: bool) -> None:
        """Start the adversarial stage from the average of the regression.

        The average is also X̄(Y) from here on, unless the recipe names other weights for it
        (``keep_reference``).
        """
        self.generator.load_state_dict(self.average.state_dict())
        self.generator_optimizer.state.clear()
        if self.reference is not None and not keep_reference:
            self.reference.load_state_dict(self.average.state_dict())

    def update_average(self, decay: float, step: int) -> None:
        """Move the average, of buffers too, towards the generator (paper 1, A.2).

        In the first steps the decay is smaller, so that the start is soon forgotten.
        """
        decay = min(decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.generator.parameters()), 1 - decay
            )
            for ours, theirs in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - decay)
                else:
                    ours.copy_(theirs)


@dataclass(frozen=True)
class Start:
    """Networks to begin with. Without a critic, a new one.

    ``name``: installed weights, or the path of a file or a run, whole, so that it holds anywhere.
    ``regression``: the generator was trained as X̄(Y), whether or not it has noise to begin with.
    """

    name: str
    generator: Generator
    critic: Critic | None
    regression: bool


def create_networks(recipe: Recipe, device: torch.device, start: Start | None) -> Networks:
    """The networks of a recipe, with the weights of ``start``, or with those that its seed gives.

    Raises BadCheckpoint if ``start`` has other networks, or if the weights of the reference cannot
    be read, BadRecipe if that is a sampler, ValueError for an impossible configuration.
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.training.seed)
        generator = generators.create(recipe.generator.family, recipe.generator.config)
        critic: Critic | None = None
        if recipe.adversarial.steps:
            critic = critics.create(recipe.critic.family, recipe.critic.config)
    if start is not None:
        _begin_with(start, generator, critic)
    generator = placed(generator, device).requires_grad_(True).train()
    return Networks(
        generator,
        _frozen(deepcopy(generator)),
        None if critic is None else placed(critic, device).train(),
        _reference(recipe, generator, device),
        _optimizer(generator, recipe.training),
        None if critic is None else _optimizer(critic, recipe.training),
    )


def _begin_with(start: Start, generator: Generator, critic: Critic | None) -> None:
    try:
        # Where a regression has no noise, that keeps its random start.
        transfer(start.generator, generator)
    except ValueError as error:
        raise BadCheckpoint(f"{start.name}: {error}") from error
    if start.critic is None or critic is None:
        return
    try:
        critic.load_state_dict(start.critic.state_dict())
    except RuntimeError as error:
        reason = "its critic is of another kind; export its weights and start from these"
        raise BadCheckpoint(f"{start.name}: {reason}") from error


def _reference(recipe: Recipe, generator: Generator, device: torch.device) -> Generator | None:
    if not recipe.needs_reference:
        return None
    if recipe.moments.reference:
        reference, _ = load(find(recipe.moments.reference))
        if reference.stochastic:
            name = recipe.moments.reference
            raise BadRecipe(f"moments.reference must be a regression; {name} is a sampler")
        return _frozen(placed(reference, device))
    return _frozen(deepcopy(generator))


def placed(module: M, device: torch.device) -> M:
    """The module itself on a device, convolutions in channels_last."""
    module.to(device)
    # The one overload of Module.to that takes a memory format has it as its only argument.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _frozen(module: M) -> M:
    return module.requires_grad_(False).eval()


def _optimizer(network: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    # The schedules set the learning rate at every step.
    if options.optimizer == "muon":
        return Muon(network.parameters(), options.betas, options.muon_rate)
    # Fused: on a CPU the update of a small network is otherwise a sixth of a step.
    return torch.optim.Adam(network.parameters(), lr=0.0, betas=options.betas, fused=True)
