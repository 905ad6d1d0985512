"""First and second moment of the samples of one file (Eq. 5, 7, 12 to 16 of Man et al. 2022)."""

from torch import Tensor


def first_moment(samples: Tensor, targets: Tensor, *, unbiased: bool = False) -> Tensor:
    """Eq. 5 of Man et al.: squared distance of the mean sample from the source, mean over values.

    ``samples``: (N, S, C, H, W), ``targets``: (N, C, H, W), 0 to 1. The mean of few samples is off
    by their own variance / S, which would punish variety; ``unbiased`` subtracts it (S > 1).
    """
    distance = (targets - samples.mean(dim=1)).square().mean()
    if unbiased:
        distance = distance - samples.var(dim=1).mean() / samples.shape[1]
    return distance


def second_moment(
    samples: Tensor, targets: Tensor, reference: Tensor, *, unbiased: bool = False
) -> Tensor:
    """Eq. 7 and 16 of Man et al.: distance of the samples' variance from the sources' around X̄(Y).

    The mean over all values of the squared difference: of the distances that the paper's norm may
    stand for, this one is least where the variance is the expected squared error of X̄(Y).
    ``samples``: (N, S, C, H, W), ``targets`` and ``reference`` (X̄(Y)): (N, C, H, W), 0 to 1.
    ``unbiased``: divide the sum of squares by S - 1, not by S as Eq. 15 does (S > 1).
    """
    variance = samples.var(dim=1, correction=1 if unbiased else 0)
    return ((targets - reference).square() - variance).square().mean()
