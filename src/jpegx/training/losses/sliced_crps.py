"""Sliced CRPS: samples that are distributed as the sources are, scored along random directions.

Ours. A proper score asks the samples of a file to be distributed as its possible sources are, and
needs no critic. Along one direction the continuous ranked probability score is one (Gneiting and
Raftery 2007); two distributions of patches that agree along every direction are the same (Cramér
and Wold 1936); so each step draws other filters, whose outputs are scored everywhere.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.sampling.crps import crps

_SIZE = 5  # pixels of a filter each way, at each scale
_SCALES = 3
# Brightness and two colour differences, orthonormal in RGB. Errors of colour are smaller by about
# this factor: without it few directions would see them, and the eye sees colour noise.
_OPPONENT = ((3**-0.5,) * 3, (2**-0.5, -(2**-0.5), 0.0), (6**-0.5, 6**-0.5, -2 * 6**-0.5))
_COLOUR_GAIN = 3.0


def sliced_crps(
    samples: Tensor, targets: Tensor, directions: torch.Generator, count: int
) -> Tensor:
    """The fair CRPS of the outputs of random filters: a scalar, the mean of all.

    ``samples``: (N, S, C, H, W) with S > 1, ``targets``: (N, C, H, W), 0 to 1; H and W at least 20.
    ``directions``: where ``count`` filters for each scale (1, 1/2 and 1/4) are drawn from. A filter
    has Gaussian weights of norm 1; reduced images are scaled so that white noise keeps its size.
    """
    number = samples.shape[1]
    errors = (samples - targets[:, None]).transpose(0, 1).flatten(0, 1)
    channels = errors.shape[1]
    if channels == 3:
        opponent = errors.new_tensor(_OPPONENT)
        opponent[1:] *= _COLOUR_GAIN
        errors = F.conv2d(errors, opponent[:, :, None, None])
    total = errors.new_zeros((), dtype=torch.float64)
    for scale in range(_SCALES):
        if scale:
            errors = 2 * F.avg_pool2d(errors, 2)
        shape = (count, channels, _SIZE, _SIZE)
        filters = torch.randn(shape, generator=directions, device=errors.device)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        values = F.conv2d(errors, filters).unflatten(0, (number, -1))
        total = total + crps(values, values.new_zeros(values.shape[1:]))
    return (total / _SCALES).to(samples.dtype)
