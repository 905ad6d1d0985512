"""What errors and changes are seen beside: contrast around each pixel; brightness and colour."""

import torch.nn.functional as F
from torch import Tensor

# Brightness and two colour differences, orthonormal in RGB.
_OPPONENT = ((3**-0.5,) * 3, (2**-0.5, -(2**-0.5), 0.0), (6**-0.5, 6**-0.5, -2 * 6**-0.5))


def opponent(images: Tensor, gain: float) -> Tensor:
    """Brightness and two colour differences, these ``gain`` times, (N, 3, H, W) of RGB.

    Errors of colour are smaller than those of brightness, by a factor of about 3.
    """
    matrix = images.new_tensor(_OPPONENT)
    matrix[1:] *= gain
    return F.conv2d(images, matrix[:, :, None, None])


def local_contrast(images: Tensor, window: int) -> Tensor:
    """Standard deviation of the brightness around each pixel: (N, 1, H, W) of (N, C, H, W).

    Brightness is the mean of the channels. ``window``: pixels each way, odd; at the edges what of
    it lies inside.
    """
    brightness = images.mean(dim=1, keepdim=True)
    brightness = brightness - brightness.mean(dim=(2, 3), keepdim=True)
    square = _around(brightness.square(), window) - _around(brightness, window).square()
    return square.clamp(min=0).sqrt()


def _around(values: Tensor, window: int) -> Tensor:
    """Mean of the window around each place."""
    return F.avg_pool2d(values, window, 1, window // 2, count_include_pad=False)
