"""Consistency: a sample, compressed again, should give what the file holds (Man et al. 2022)."""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from jpegx.jpeg import transform
from jpegx.jpeg.jpeg_batch import JpegBatch


def consistency(images: Tensor, files: Sequence[JpegBatch]) -> Tensor:
    """Eq. 4 of Man et al. 2022: squared distance of the decoded file from the recompressed image.

    The mean over all values, as a scalar. ``images``: (N, 3, H, W), 0 to 1, those of the first file
    first. Rounding has the gradient of the identity. A gray file sees the mean of the channels.
    """
    total = images.new_zeros(())
    values = 0
    for file, part in zip(files, images.split([len(file) for file in files]), strict=True):
        change = decoded_change(part, file)
        total = total + change.square().sum()
        values += change.numel()
    return total / values


def decoded_change(images: Tensor, file: JpegBatch) -> Tensor:
    """Recompressed and decoded images minus the decoded file, (G, C, H, W), 0 to 1."""
    if file.layout.channels == 1:
        images = images.mean(dim=1, keepdim=True)
    levels = transform.encode_dct(images * 255, file.layout)
    normalized = transform.normalize(levels, file.tables)
    rounded = [transform.round_straight_through(values) for values in normalized]
    # Decoding is affine: the difference of two decoded images is that of the coefficients.
    change = [new - own.to(new.dtype) for new, own in zip(rounded, file.coefficients, strict=True)]
    decoded: Tensor = transform.decode_dct(transform.dequantize(change, file.tables), file.layout)
    return (decoded - 128) / 255


def consistency_rmse(changes: Sequence[Tensor]) -> float:
    """Root mean square of decoded changes, in gray levels."""
    squares = sum(float(change.double().square().sum()) for change in changes)
    return 255 * sqrt(squares / sum(change.numel() for change in changes))


def rounded_to_bytes(images: Tensor) -> Tensor:
    """Images as an 8-bit file would hold them, 0 to 1."""
    return torch.clamp(images * 255, 0, 255).round() / 255
