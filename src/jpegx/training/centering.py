"""The centering stage: the mean of a sampler's samples goes to a regression's (Eq. 5)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.models.generator import Generator
from jpegx.models.noise import AntitheticNoise, RandomNoise, ZeroNoise
from jpegx.training.compress import compress
from jpegx.training.crew import Crew
from jpegx.training.losses.centering import centering
from jpegx.training.networks import Networks
from jpegx.training.patches import Group
from jpegx.training.precision import Precision
from jpegx.training.randomness import random_numbers
from jpegx.training.recipe import Recipe
from jpegx.training.stopwatch import Stopwatch

_SAME, _OTHERS = range(2)  # which of the random numbers of a step


class CenteringStage:
    """Steps that teach a sampler the mean of a regression, without a critic.

    A first moment (Eq. 5) in the adversarial game is measured from samples that differ more from
    each other than their mean does from X̄(Y). Here each sample is compared with that of the same
    noise by the network that the stage began with, so that only the mean of that one has to be
    estimated, and what the critic has taught stays: no sample is to differ from it but by what all
    of them do.
    """

    def __init__(
        self,
        recipe: Recipe,
        networks: Networks,
        precision: Precision,
        crew: Crew,
        watch: Stopwatch,
    ) -> None:
        if networks.reference is None or networks.before is None:
            raise ValueError("a centering stage needs a regression, and a sampler to begin with")
        self.recipe = recipe
        self.networks = networks
        self.reference: Generator = networks.reference
        self.before: Generator = networks.before
        self.precision = precision
        self.crew = crew
        self.watch = watch

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """One step on the parts of a batch; returns its losses, scalars on the device.

        The gradients of the parts are averaged. ``step`` decides the noise. Learning rates are set
        by the caller; ``progress`` does not matter here.
        """
        networks = self.networks
        networks.generator_optimizer.zero_grad(set_to_none=True)
        total = torch.zeros(2, device=self.precision.device)
        for part, groups in enumerate(parts):
            with self.watch.part("compression"):
                batch = compress(groups, self.precision.device)
            files, pairs = batch.conditions, self.recipe.centering.pairs
            with self.watch.part("before"), torch.no_grad(), self.precision.autocast():
                wanted = self.reference(files, ZeroNoise()).float()
                before = self.before(files, self._noise(step, part, _SAME)).float()
                opposed = AntitheticNoise(self._noise(step, part, _OTHERS))
                others = self.before(files, opposed, 2 * pairs).float()
            with self.watch.part("generator"):
                with self.precision.autocast():
                    images = networks.generator(files, self._noise(step, part, _SAME))
                others = others.unflatten(0, (-1, pairs, 2)).mean(dim=2)
                loss, distance = centering(images.float(), before, others, wanted, batch.targets)
                (loss / len(parts)).backward()
                total += torch.stack([loss.detach(), distance]) / len(parts)
        with self.watch.part("optimizer"):
            self.crew.average_gradients(networks.generator.parameters())
            networks.generator_optimizer.step()
        return {"centering": total[0], "distance": total[1]}

    def _noise(self, step: int, part: int, use: int) -> RandomNoise:
        key = (self.recipe.training.seed, step, self.crew.rank, part, use)
        temperature = self.recipe.centering.temperature
        return RandomNoise(random_numbers(self.precision.device, *key), temperature)
