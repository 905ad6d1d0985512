"""Sliced CRPS: samples that are distributed as the sources are, scored along random directions.

Ours. A proper score asks the samples of a file to be distributed as its possible sources are, and
needs no critic. Along one direction the continuous ranked probability score is one (Gneiting and
Raftery 2007); two distributions of patches that agree along every direction are the same (Cramér
and Wold 1936); so each step draws other filters, whose outputs are scored everywhere.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_SIZE = 5  # pixels of a filter each way, at each scale
_SCALES = 3


def sliced_crps(
    samples: Tensor, targets: Tensor, directions: torch.Generator, count: int
) -> Tensor:
    """The fair CRPS of the outputs of random filters: a scalar, the mean of all.

    ``samples``: (N, S, C, H, W) with S > 1, ``targets``: (N, C, H, W), 0 to 1; H and W at least 20.
    ``directions``: where ``count`` filters for each scale (1, 1/2 and 1/4) are drawn from. A filter
    has Gaussian weights of norm 1; reduced images are scaled so that white noise keeps its size.
    """
    number = samples.shape[1]
    errors = (samples - targets[:, None]).flatten(0, 1)
    channels = errors.shape[1]
    total = errors.new_zeros(())
    for scale in range(_SCALES):
        if scale:
            errors = 2 * F.avg_pool2d(errors, 2)
        shape = (count, channels, _SIZE, _SIZE)
        filters = torch.randn(shape, generator=directions, device=errors.device)
        filters = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
        total = total + _fair_crps(F.conv2d(errors, filters).unflatten(0, (-1, number)))
    return total / _SCALES


def _fair_crps(errors: Tensor) -> Tensor:
    """Mean score of samples (N, S, ...) of the outcome 0, fair for any number (Ferro 2014)."""
    number = errors.shape[1]
    ranked = errors.sort(dim=1).values
    # Summed over the pairs, the k-th smallest is taken away k' times and added S - 1 - k' times.
    weights = torch.arange(1 - number, number, 2, dtype=errors.dtype, device=errors.device)
    weights = weights.view(1, -1, *[1] * (errors.dim() - 2))
    pairs = (ranked * weights).sum(dim=1).mean()
    return errors.abs().mean() - pairs / (number * (number - 1))
