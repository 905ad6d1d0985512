"""What training changes: the generator, the average of its weights, their optimizers."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn

from jpegx.models.checkpoint import open_model
from jpegx.models.checkpoint_header import BadCheckpoint
from jpegx.models.generator import Generator
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer
from jpegx.training.data.images import ImageSet
from jpegx.training.muon import Muon
from jpegx.training.options import NetworkOptions, OptimizerOptions

M = TypeVar("M", bound=nn.Module)


@dataclass
class Networks:
    """The networks that all stages share, on one device, convolutions in channels_last.

    ``average``: moving average of the generator, what is validated and exported.
    """

    generator: Generator
    average: Generator

    def modules(self) -> dict[str, nn.Module]:
        """Both, by the names they have in checkpoints."""
        return {"generator": self.generator, "average": self.average}

    def learn_statistics(self, images: ImageSet) -> None:
        """Let both take what they know of the images before any training."""
        pictures = (torch.from_numpy(images[i]).permute(2, 0, 1) for i in range(len(images)))
        self.generator.learn_statistics(pictures)
        self.average.load_state_dict(self.generator.state_dict())

    def begin_with_average(self) -> None:
        """Put the average into the place of the generator: where a stage begins."""
        self.generator.load_state_dict(self.average.state_dict())

    def update_average(self, decay: float, step: int) -> None:
        """Move the average, of buffers too, towards the generator (Man et al. 2022, A.2).

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
    """What a run begins with.

    ``name``: installed weights, or the path of a file or a run, whole, so that it holds anywhere.
    ``regression``: the generator was trained as X̄(Y), whether or not it has noise to begin with.
    ``stage``: of a run, the one that it is in or ended with, and ``networks``: what that stage has
    beside the generator, by name; none of a file of weights.
    """

    name: str
    generator: Generator
    regression: bool
    stage: str = ""
    networks: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)


def create_networks(options: NetworkOptions, device: torch.device, start: Start | None) -> Networks:
    """The generator and its average, with the weights of ``start``, or random ones.

    Raises BadCheckpoint if ``start`` is another network, ValueError for an impossible
    configuration.
    """
    generator = generators.create(options.family, options.config)
    if start is not None:
        try:
            # Where a regression has no noise, that keeps its random start.
            transfer(start.generator, generator)
        except ValueError as error:
            raise BadCheckpoint(f"{start.name}: {error}") from error
    generator = placed(generator, device).train()
    return Networks(generator, frozen(deepcopy(generator)))


def are_finite(modules: Iterable[nn.Module]) -> bool:
    """Whether all weights are numbers; a sum is not finite where one is not."""
    with torch.no_grad():
        tensors = [p for module in modules for p in module.parameters()]
        return bool(torch.stack([tensor.sum() for tensor in tensors]).isfinite().all())


def placed(module: M, device: torch.device) -> M:
    """The module itself on a device, convolutions in channels_last."""
    module.to(device)
    # The one overload of Module.to that takes a memory format has it as its only argument.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def frozen(module: M) -> M:
    """The module itself, not to be trained."""
    return module.requires_grad_(False).eval()


def make_optimizer(
    parameters: Iterable[nn.Parameter], options: OptimizerOptions
) -> torch.optim.Optimizer:
    """The optimizer that a recipe chooses; the schedules set its learning rate at every step."""
    if options.optimizer == "muon":
        return Muon(parameters, options.betas, options.muon_rate)
    # Fused: on a CPU the update of a small network is otherwise a sixth of a step.
    return torch.optim.Adam(parameters, lr=0.0, betas=options.betas, fused=True)


def read_regression(name: str, key: str) -> Generator:
    """The generator of installed weights, or a file, that ``key`` of a recipe names.

    Raises BadCheckpoint if it cannot be read, ValueError if it is a sampler.
    """
    _, regression, _ = open_model(name)
    if regression.stochastic:
        raise ValueError(f"{key} must be a regression; {name} is a sampler")
    return regression
