"""The continuous ranked probability score: how good samples are as a forecast of one outcome."""

import torch
from torch import Tensor


def crps(samples: Tensor, outcome: Tensor) -> Tensor:
    """Mean score over all values, a scalar, differentiable, in their units; low is good.

    Gneiting and Raftery 2007, Eq. 21, with the pairs of distinct samples in the second term, so
    that its expectation does not depend on how many samples there are (fair: Ferro 2014). The mean
    absolute error for one sample. ``samples``: (n, ...), ``outcome``: (...).
    """
    count = len(samples)
    values = samples.float()
    error = (values - outcome).abs().mean(dtype=torch.float64)
    if count == 1:
        return error
    # Sorted, the k-th smallest is taken away from those above it and added for those below.
    ranked = values.flatten(1).T.sort(dim=1).values
    weights = torch.arange(1 - count, count, 2, dtype=ranked.dtype, device=ranked.device)
    pairs = (ranked @ weights).mean(dtype=torch.float64)
    return error - pairs / (count * (count - 1))
