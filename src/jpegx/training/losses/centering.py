"""How far the mean of a sampler is from a regression, while what its samples differ in stays."""

from torch import Tensor

# One gray level: an image that is nearly exact does not rule the step.
_LEAST_ERROR = 1 / 255


def centering(
    images: Tensor, before: Tensor, others: Tensor, wanted: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor]:
    """What a sample should change by for the mean to become X̄(Y), as two scalars. Ours.

    ``images`` and ``before``: samples (N, C, H, W), 0 to 1, of the same noise, by the network that
    is trained and by the one that it started as. ``others``: (N, S, C, H, W), S of at least 2,
    more samples of the latter, or means of some, each independent of the next. ``wanted``: X̄(Y),
    ``targets``: the sources, (N, C, H, W).

    The first is the squared distance of each sample from the one before, moved by what X̄(Y) is
    from the mean of the others; it is least where the mean is X̄(Y) and each sample as far from
    it, in the same direction, as it was. The second is the same without what is due to the others
    being few: products of two halves of them (unbiased, so that it may be below 0). Both in units
    of the squared error of X̄(Y), so that all qualities count alike, as in PSNR.
    """
    change = images - before - wanted
    errors = (wanted - targets).square().mean(dim=(1, 2, 3)) + _LEAST_ERROR**2
    first, second = (change + half.mean(dim=1) for half in (others[:, ::2], others[:, 1::2]))
    distance = (change + others.mean(dim=1)).square().mean(dim=(1, 2, 3))
    unbiased = (first * second).mean(dim=(1, 2, 3))
    return (distance / errors).mean(), (unbiased / errors).detach().mean()
