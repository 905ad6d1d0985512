"""What a regression minimizes, by the name that a recipe gives it."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.ssim import similarity
from jpegx.models.projection import hold

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


def absolute_error_and_similarity(images: Tensor, targets: Tensor, weight: float = 0.05) -> Tensor:
    """Mean absolute error minus a weight times SSIM (Ehrlich et al. 2020, Eq. 1): a scalar.

    ``images``, ``targets``: (N, C, H, W), 0 to 1. What is outside is clipped first, where only the
    gradient that pulls inwards passes. SSIM is that of the flat 8x8 window.
    """
    black, white = images.new_tensor([0, 1])
    images = hold(images, black, white)
    return F.l1_loss(images, targets) - weight * similarity(255 * images, 255 * targets, "uniform")


# Scalars of images and targets, (N, C, H, W) each, and of the weight of SSIM.
REGRESSION_LOSSES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    # Its minimum is X̄(Y), the mean of the posterior.
    "mse": lambda images, targets, _: F.mse_loss(images, targets),
    # That of the absolute error is the median.
    "l1": lambda images, targets, _: F.l1_loss(images, targets),
    "log_mse": lambda images, targets, _: logarithmic_error(images, targets),
    "l1_ssim": absolute_error_and_similarity,
}
