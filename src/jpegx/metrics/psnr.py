"""Peak signal-to-noise ratio, and the luma that it is also measured on."""

from math import inf, log10

from torch import Tensor

from jpegx.jpeg.color import to_gray


def psnr(image: Tensor, original: Tensor) -> float:
    """PSNR in dB over all pixels and channels at once, with a peak of 255; infinite if equal.

    ``image``, ``original``: (C, H, W) of any type, gray levels 0 to 255. The mean of several
    samples need not be of whole numbers. Raises ValueError if the shapes differ.
    """
    return decibels(mean_squared_error(image, original))


def mean_squared_error(image: Tensor, original: Tensor) -> float:
    """Mean squared difference in squared gray levels; ValueError if the shapes differ."""
    if image.shape != original.shape:
        raise ValueError(f"shapes {tuple(image.shape)} and {tuple(original.shape)} differ")
    return float((image.double() - original.double()).square_().mean())


def decibels(error: float) -> float:
    """PSNR in dB of a mean squared error in squared gray levels; infinite for none."""
    return 10 * log10(255**2 / error) if error > 0 else inf


def luma(image: Tensor) -> Tensor:
    """Luma of an 8-bit picture, float32 whole numbers (1, H, W), 0 to 255.

    ITU-R BT.601 weights over the full range, rounded as libjpeg rounds its Y: not the 16 to 235 of
    MATLAB's rgb2ycbcr, against which Ehrlich et al. 2020 (App. A) warns. ``image``: (3, H, W), or
    (1, H, W), which is its own luma; whole numbers from 0 to 255.
    """
    return to_gray(image[None])[0].float() if len(image) == 3 else image.float()
