"""What every stage of training is: its table of the recipe, its checks, its networks, its steps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from jpegx.models.checkpoint_header import BadCheckpoint
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.patches import Group
from jpegx.training.networks import Networks, Start, make_optimizer
from jpegx.training.options import CommonOptions, OptimizerOptions, StageOptions
from jpegx.training.stopwatch import Stopwatch

O = TypeVar("O", bound=StageOptions)  # noqa: E741 (as typing has it: options)


@dataclass(frozen=True)
class Workbench:
    """What a run hands to its stages: the common networks, the device, the processes."""

    networks: Networks
    precision: Precision
    crew: Crew
    watch: Stopwatch
    start: Start | None


class Stage(ABC, Generic[O]):
    """A stage of training. To add one: a subclass, registered, in a module that the registry names.

    ``name``: of the stage and of its table. ``options_class``: the keys of that table, where a
    field may be a table in turn, and its checks. ``samples``: whether noise goes into the
    generator, so that what it ends with is a sampler. ``keeps_reference``: whether a run that goes
    on in it brings its X̄(Y) along. ``moved``: keys that older recipes have elsewhere, and where in
    this table they are now.

    A stage is made when the run is, so that what it refuses is refused before anything is written;
    random weights of its networks come from PyTorch's global generator, which is seeded.
    """

    name: ClassVar[str]
    options_class: ClassVar[type[StageOptions]]
    samples: ClassVar[bool]
    keeps_reference: ClassVar[bool] = False
    moved: ClassVar[Mapping[str, str]] = {}

    def __init__(self, common: CommonOptions, options: O, bench: Workbench) -> None:
        self.common = common
        self.options = options
        self.generator = bench.networks.generator
        self.average = bench.networks.average
        self.precision = bench.precision
        self.crew = bench.crew
        self.watch = bench.watch
        self.goes_on = bench.start is not None and bench.start.stage == self.name
        self.trained = self._not_frozen(self.trained_parameters())
        self.optimizer = make_optimizer(self.trained, self.optimizer_options())

    def trained_parameters(self) -> list[nn.Parameter]:
        """The parameters of the generator that the stage trains."""
        return list(self.generator.parameters())

    def _not_frozen(self, parameters: Sequence[nn.Parameter]) -> list[nn.Parameter]:
        prefixes, names = self.common.training.frozen, dict(self.generator.named_parameters())
        for prefix in prefixes:
            if not any(name.startswith(prefix) for name in names):
                known = ", ".join(sorted({name.partition(".")[0] for name in names}))
                raise ValueError(f"training.frozen: weights begin with {known}, not {prefix!r}")
        frozen = {id(value) for name, value in names.items() if name.startswith(prefixes)}
        left = [parameter for parameter in parameters if id(parameter) not in frozen]
        if not left:
            raise ValueError(f"training.frozen leaves nothing to train in the stage {self.name}")
        return left

    def optimizer_options(self) -> OptimizerOptions:
        """How the parameters of the generator are changed."""
        return self.common.training

    def take_from_start(self, network: nn.Module, name: str, start: Start | None) -> None:
        """Give a network the weights that it has in a run to start from, if that is in this stage.

        A critic that begins anew has first to learn what the old one knew. Raises BadCheckpoint if
        the run's is of another kind.
        """
        if start is None or start.stage != self.name:
            return
        try:
            network.load_state_dict(start.networks[name])
        except (KeyError, RuntimeError) as error:
            reason = f"its {name} is of another kind; export its weights and start from these"
            raise BadCheckpoint(f"{start.name}: {reason}") from error

    def own_networks(self) -> dict[str, nn.Module]:
        """The networks that the stage alone needs, by the names they have in checkpoints."""
        return {}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers of the stage, by the names of what they train."""
        return {"generator": self.optimizer}

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the generator; those of other networks follow it."""
        self.optimizer.param_groups[0]["lr"] = rate

    def begin(self) -> None:
        """The run enters the stage: both generators hold what it begins with."""

    def prepare(self) -> None:
        """Steps are next, in a run that enters the stage or goes on in it."""
        self.generator.requires_grad_(False)
        for parameter in self.trained:
            parameter.requires_grad_(True)

    def random(self, step: int, part: int, use: int) -> torch.Generator:
        """Random numbers, a function of the seed, the step, the process, the part and the use."""
        key = (self.common.training.seed, step, self.crew.rank, part, use)
        return random_numbers(self.precision.device, *key)

    @abstractmethod
    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """One step on the parts of a batch; returns its losses, scalars on the device.

        The gradients of the parts are averaged. ``step`` of the run decides the random numbers;
        ``progress`` of the stage is 0 to 1. Learning rates are set by the caller.
        """


def record(losses: dict[str, Tensor], name: str, value: Tensor) -> None:
    """Add a part of a loss to those that the step returns."""
    value = value.detach()
    losses[name] = losses[name] + value if name in losses else value


def random_numbers(device: torch.device, *key: int) -> torch.Generator:
    """A generator of random numbers on a device, a function of whole numbers from 0."""
    seed = 0
    for number in key:
        seed = (seed * 1_000_003 + number + 1) % (1 << 63)
    return torch.Generator(device).manual_seed(seed)
