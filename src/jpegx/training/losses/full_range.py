"""The range loss of Bahat and Michaeli 2021."""

from torch import Tensor


def range_loss(images: Tensor) -> Tensor:
    """Mean distance of the values from 0 … 1, a scalar (Bahat2021, Eq. 4).

    Theirs is from 16 … 235 in 255, the range of video; JPEG files have the full range.
    """
    return (images - images.clamp(0, 1)).abs().mean()
