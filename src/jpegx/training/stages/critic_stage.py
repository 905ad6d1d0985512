"""What the stages have in common in which the generator plays against one critic."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import nn

from jpegx.models.registry import critics
from jpegx.training.networks import make_optimizer, placed
from jpegx.training.options import CommonOptions, NetworkOptions, StageOptions, key
from jpegx.training.stages.stage import Stage, Workbench


@dataclass(frozen=True)
class CriticStageOptions(StageOptions):
    """The critic of such a stage."""

    critic_rate: float = key(1.0, "Learning rate of the critic, relative to the generator's.")
    critic: NetworkOptions = field(default_factory=NetworkOptions)

    def critic_problems(self, where: str, known: Collection[str]) -> Iterator[str]:
        """What is wrong with the critic of the stage ``where``; ``known``: families that it has."""
        if self.critic.family not in known:
            yield f"{where}.critic.family must be given, one of {', '.join(sorted(known))}"


C = TypeVar("C", bound=CriticStageOptions)


class CriticStage(Stage[C]):
    """A stage with a critic, and an optimizer of its own for it.

    Raises BadCheckpoint if a critic to start from is of another kind, ValueError if it cannot rate
    such patches.
    """

    def __init__(self, common: CommonOptions, options: C, bench: Workbench) -> None:
        super().__init__(common, options, bench)
        critic = critics.create(options.critic.family, options.critic.config)
        critic.check_patch(common.data.patch)
        self.take_from_start(critic, "critic", bench.start)
        self.critic = placed(critic, bench.precision.device).train()
        self.critic_optimizer = make_optimizer(self.critic.parameters(), common.training)

    def own_networks(self) -> dict[str, nn.Module]:
        """See :meth:`Stage.own_networks`."""
        return {"critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See :meth:`Stage.optimizers`."""
        return {**super().optimizers(), "critic": self.critic_optimizer}

    def set_rate(self, rate: float) -> None:
        """See :meth:`Stage.set_rate`."""
        super().set_rate(rate)
        self.critic_optimizer.param_groups[0]["lr"] = rate * self.options.critic_rate
