"""First and second moment of the samples of one file (Eq. 5, 7, 12 to 16 of Man et al. 2022)."""

from torch import Tensor


def first_moment(samples: Tensor, targets: Tensor, *, unbiased: bool = False) -> Tensor:
    """Eq. 5 of Man et al. 2022: squared distance of the mean sample from the source, a mean.

    ``samples``: (N, S, C, H, W), ``targets``: (N, C, H, W), 0 to 1. The mean of few samples is off
    by their own variance / S, which would punish variety; ``unbiased`` subtracts it (S > 1).
    """
    distance = (targets - samples.mean(dim=1)).square().mean()
    if unbiased:
        distance = distance - samples.var(dim=1).mean() / samples.shape[1]
    return distance


NORMS = ("squared", "root", "absolute")


def second_moment(
    samples: Tensor,
    targets: Tensor,
    reference: Tensor,
    *,
    unbiased: bool = False,
    norm: str = "squared",
) -> Tensor:
    """Eq. 7 and 16 of Man et al. 2022: the samples' variance against the sources' around X̄(Y).

    The paper's norm has neither a square, as those of its other losses have, nor an index, and its
    weights of 10 and 1000 go with one of these: ``norm`` "squared", the mean over all values of the
    squared difference, which alone is least where the variance is the expected squared error of
    X̄(Y); "root", the root of that mean for each image, the Euclidean norm as printed; "absolute",
    the mean of the absolute difference.
    ``samples``: (N, S, C, H, W), ``targets`` and ``reference`` (X̄(Y)): (N, C, H, W), 0 to 1.
    ``unbiased``: divide the sum of squares by S - 1, not by S as Eq. 15 does (S > 1).
    """
    variance = samples.var(dim=1, correction=1 if unbiased else 0)
    difference = (targets - reference).square() - variance
    if norm == "absolute":
        return difference.abs().mean()
    squares = difference.square().mean(dim=(1, 2, 3))
    # Where all values agree the root has no gradient.
    return (squares.clamp(min=1e-24).sqrt() if norm == "root" else squares).mean()
