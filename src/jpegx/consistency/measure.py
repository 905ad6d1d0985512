"""How far a picture is from consistent with a file."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import decode_dct, dequantize


def consistency_rmse(
    file: Sequence[Tensor], picture: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> float:
    """RMSE of :func:`decoded_change` in gray levels (Man et al. 2022, Eq. 1), 0 for equal integers.

    The arguments are those of that function.
    """
    if all(torch.equal(a, b) for a, b in zip(file, picture, strict=True)):
        return 0.0
    return float(decoded_change(file, picture, tables, layout).square_().mean().sqrt())


def decoded_change(
    file: Sequence[Tensor], picture: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> Tensor:
    """The decoded re-encoding minus the decoded file, (C, H, W) in gray levels.

    ``file``, ``picture``: quantized coefficients (rows, columns, 8, 8) per component; ``tables``:
    (8, 8). Both are decoded to real numbers, with smooth chroma up-sampling, and clipped to 0..255.
    """
    decoded = [
        decode_dct([v[None].float() for v in dequantize(values, tables)], layout).clamp_(0, 255)
        for values in (file, picture)
    ]
    return (decoded[1] - decoded[0])[0]
