"""The losses that a recipe chooses by name."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from jpegx.training.losses.logarithmic_error import logarithmic_error

# Scalars of images and targets, (N, C, H, W) each.
REGRESSION_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": F.mse_loss,  # its minimum is X̄(Y), the mean of the posterior
    "log_mse": logarithmic_error,
}
