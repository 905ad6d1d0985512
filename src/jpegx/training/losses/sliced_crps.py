"""Sliced CRPS: samples that are distributed as the sources are, scored along random directions.

Ours. A proper score asks the samples of a file to be distributed as its possible sources are, and
needs no critic. Along one direction the continuous ranked probability score is one (Gneiting and
Raftery 2007); two distributions of patches that agree along every direction are the same (Cramér
and Wold 1936); so each step draws other filters, whose outputs are scored everywhere.

Errors are measured in units of what the eye tolerates beside the contrast of the decoded image: in
flat areas less than in texture. As the units depend on the file alone, the score stays proper.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.metrics.contrast import local_contrast, opponent
from jpegx.metrics.crps import crps

_SIZE = 5  # pixels of a filter each way, at each scale
SCALES = 4  # the last sees means of 8x8 pixels, which the dither moves
# Without it few directions would see errors of colour, and the eye sees colour noise.
_COLOUR_GAIN = 3.0
_WINDOW = 15  # pixels each way of the contrast: it reaches over the borders of blocks
_FLAT = 0.02  # what is tolerated where there is no contrast


def least_size(scales: int = SCALES) -> int:
    """Pixels each way of an image that the filters of all scales fit in."""
    return _SIZE << (scales - 1)


def sliced_crps(
    samples: Tensor,
    targets: Tensor,
    decoded: Tensor,
    directions: torch.Generator,
    count: int,
    scales: int = SCALES,
) -> Tensor:
    """The fair CRPS of the outputs of random filters: a scalar, the mean of all.

    ``samples``: (N, S, C, H, W) with S > 1, ``targets``, ``decoded``: (N, C, H, W), 0 to 1; H and W
    at least ``least_size(scales)``. ``directions``: where ``count`` filters for each scale (1, 1/2,
    1/4, ...) are drawn from. A filter has Gaussian weights of norm 1; reduced images are scaled so
    that white noise keeps its size. The score's unit is the tolerance: the contrast of the decoded
    image + 0.02.
    """
    number, channels = samples.shape[1:3]
    errors = (samples - targets[:, None]).transpose(0, 1).flatten(0, 1)
    if channels == 3:
        errors = opponent(errors, _COLOUR_GAIN)
    tolerance = local_contrast(decoded, _WINDOW) + _FLAT
    total = errors.new_zeros((), dtype=torch.float64)
    for scale in range(scales):
        if scale:
            errors = 2 * F.avg_pool2d(errors, 2)
            tolerance = F.avg_pool2d(tolerance, 2)
        shape = (count, channels, _SIZE, _SIZE)
        filters = torch.randn(shape, generator=directions, device=errors.device)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        values = F.conv2d(errors, filters).unflatten(0, (number, -1))
        border = _SIZE // 2
        values = values / tolerance[:, :, border:-border, border:-border]
        total = total + crps(values, values.new_zeros(values.shape[1:]))
    return (total / scales).to(samples.dtype)
