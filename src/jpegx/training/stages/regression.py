"""The regression stage: one picture per file with the least error (and a warm start)."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.models.noise import ZeroNoise
from jpegx.training.autocast import Precision
from jpegx.training.crew import Crew
from jpegx.training.data.compress import compress
from jpegx.training.data.patches import Group
from jpegx.training.losses.logarithmic_error import logarithmic_error
from jpegx.training.networks import Networks
from jpegx.training.stopwatch import Stopwatch

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,  # its minimum is X̄(Y), the mean of the posterior
    "log_mse": logarithmic_error,
}


class RegressionStage:
    """Steps that minimize the error of the generator without noise.

    ``loss``: "mse", the mean squared error, or "log_mse" (``logarithmic_error``).
    """

    def __init__(
        self, loss: str, networks: Networks, precision: Precision, crew: Crew, watch: Stopwatch
    ) -> None:
        self.name, self.loss = loss, _LOSSES[loss]
        self.networks = networks
        self.precision = precision
        self.crew = crew
        self.watch = watch

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """One step on the parts of a batch; returns its losses, scalars on the device.

        The gradients of the parts are averaged. Learning rates are set by the caller; ``step``
        and ``progress`` do not matter here.
        """
        networks = self.networks
        networks.generator_optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.precision.device)
        for groups in parts:
            with self.watch.part("compression"):
                batch = compress(groups, self.precision.device)
            with self.watch.part("generator"):
                with self.precision.autocast():
                    images = networks.generator(batch.files, ZeroNoise())
                loss = self.loss(images.float(), batch.targets) / len(parts)
                loss.backward()
                total += loss.detach()
        with self.watch.part("optimizer"):
            self.crew.average_gradients(networks.generator.parameters())
            networks.generator_optimizer.step()
        return {self.name: total}
