"""Feature matching: samples should look like sources to the critic."""

from collections.abc import Sequence

from torch import Tensor


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of the critic's features, averaged over its scales: a scalar.

    After Wang et al. 2018 (pix2pixHD, Eq. 4). It stands in for the perceptual loss where there are
    no weights of VGG-19.
    """
    distances = [(f.float() - r.float()).abs().mean() for f, r in zip(fake, real, strict=True)]
    total = distances[0]
    for distance in distances[1:]:
        total = total + distance
    return total / len(distances)
