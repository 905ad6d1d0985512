"""What a regression minimizes, by the name that a recipe gives it."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

# Of a mean squared error, 50 dB: an image that is nearly exact does not rule the step.
_FLOOR = 1e-5


def logarithmic_error(images: Tensor, targets: Tensor) -> Tensor:
    """Mean over the images of the logarithm of their mean squared error: a scalar.

    ``images``, ``targets``: (N, C, H, W), 0 to 1. It is the PSNR of each image in other units, as
    in Chen et al. 2022 (NAFNet). Images of high quality count as much as those of low quality,
    whose errors are hundreds of times larger. Its minimum is close to X̄(Y), but not the same:
    images that turn out easy weigh more.
    """
    errors = (images - targets).square().mean(dim=(1, 2, 3))
    return (errors + _FLOOR).log().mean()


# Scalars of images and targets, (N, C, H, W) each.
REGRESSION_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,  # its minimum is the median of the posterior
    "mse": F.mse_loss,  # its minimum is X̄(Y), the mean of the posterior
    "log_mse": logarithmic_error,
}
