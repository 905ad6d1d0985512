"""The regression stage: one picture per file with the least error (and a warm start)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from jpegx.models.noise import ZeroNoise
from jpegx.training.data.compress import compress
from jpegx.training.data.patches import Group
from jpegx.training.losses.pixel_errors import REGRESSION_LOSSES
from jpegx.training.options import CommonOptions, StageOptions, key
from jpegx.training.stages.catalogue import register
from jpegx.training.stages.stage import Stage


@dataclass(frozen=True)
class RegressionOptions(StageOptions):
    """[regression]: also what it minimizes."""

    loss: str = key("mse", "mse, whose minimum is X̄(Y); log_mse, closer to PSNR; l1; l1_ssim.")
    ssim: float = key(0.05, "Of l1_ssim, how much SSIM weighs beside the absolute error.")

    def problems(self, common: CommonOptions) -> Iterator[str]:
        """See :meth:`StageOptions.problems`."""
        if self.loss not in REGRESSION_LOSSES:
            yield f"regression.loss must be one of {', '.join(REGRESSION_LOSSES)}"


@register
class RegressionStage(Stage[RegressionOptions]):
    """Steps that minimize the error of the generator without noise."""

    name = "regression"
    options_class = RegressionOptions
    samples = False

    def trained_parameters(self) -> list[nn.Parameter]:
        """See :meth:`Stage.trained_parameters`."""
        return self.generator.trunk_parameters()

    def step(
        self, parts: Sequence[Sequence[Group]], step: int, progress: float
    ) -> dict[str, Tensor]:
        """See :meth:`Stage.step`; neither ``step`` nor ``progress`` matters here."""
        minimized = REGRESSION_LOSSES[self.options.loss]
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.precision.device)
        for groups in parts:
            with self.watch.part("compression"):
                batch = compress(groups, self.precision.device)
            with self.watch.part("generator"):
                with self.precision.autocast():
                    images = self.generator(batch.files, ZeroNoise())
                loss = minimized(images.float(), batch.targets, self.options.ssim) / len(parts)
                loss.backward()
                total += loss.detach()
        with self.watch.part("optimizer"):
            self.crew.average_gradients(self.trained)
            self.optimizer.step()
        return {self.options.loss: total}
