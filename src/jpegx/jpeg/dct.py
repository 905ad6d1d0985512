"""The 8x8 discrete cosine transform: orthonormal, and libjpeg's accurate integer version."""

from functools import lru_cache
from math import cos, pi, sqrt

import torch
from torch import Tensor

from jpegx.jpeg.libjpeg_arrays import COLUMN_SHIFT, ROW_SHIFT, islow_pass


@lru_cache
def dct_matrix(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Orthonormal two-dimensional DCT-II of flattened 8x8 blocks, (64, 64): ``block @ matrix.T``.

    Rows are frequencies [vertical * 8 + horizontal], columns samples [y * 8 + x]. The scale is
    that of ITU-T T.81, A.3.3: the first coefficient of a constant block v is 8 v.
    """
    one = torch.tensor(
        [
            [sqrt((2 if u else 1) / 8) * cos((2 * x + 1) * u * pi / 16) for x in range(8)]
            for u in range(8)
        ],
        dtype=torch.float64,
    )
    return torch.kron(one, one).to(device=device, dtype=dtype)


@lru_cache
def islow_matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    """The two passes of :func:`islow` without their rounding, float64 (64, 64) each.

    ``blocks @ rows`` is rounded, and that ``@ columns`` again.
    """
    one = torch.from_numpy(islow_pass()).double()
    eye = torch.eye(8, dtype=torch.float64)
    rows, columns = torch.kron(eye, one), torch.kron(one, eye)
    rows, columns = rows / (1 << ROW_SHIFT), columns / (1 << COLUMN_SHIFT)
    return rows.T.to(device).contiguous(), columns.T.to(device).contiguous()


@lru_cache
def islow_rounds(device: torch.device) -> tuple[Tensor, Tensor]:
    """Which outputs the two passes of :func:`islow` round, float64, 1 or 0: of a row (8), all (64).

    Of a pass, outputs 0 and 4 are sums of whole numbers, only shifted.
    """
    one = torch.arange(8, device=device) % 4 != 0
    return one.double(), (one[:, None] | one).flatten().double()


def islow(blocks: Tensor) -> Tensor:
    """libjpeg's integer DCT (JDCT_ISLOW) of centred blocks (..., 64), integers from -128 to 127.

    Returns float64 (..., 64) that hold the exact integers of libjpeg: 8 times the orthonormal
    coefficients, rounded after each of the two passes as libjpeg does. Each pass is an exact
    integer combination and one rounding shift; float64 holds all of its sums without error. Those
    of the first are below 2**24 times the shift: float32 holds them, too.
    """
    rows, columns, half = _islow_passes(blocks.device)
    first = torch.addmm(half.to(rows.dtype), blocks.reshape(-1, 64).to(rows.dtype), rows)
    return torch.addmm(half, first.floor_().double(), columns).floor_().view(blocks.shape)


@lru_cache
def _islow_passes(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The matrices of :func:`islow`, each in the type that it is applied in, and a half."""
    rows, columns = islow_matrices(device)
    half = torch.tensor(0.5, dtype=torch.float64, device=device)
    return rows.to(exact_type(device)), columns, half


def exact_type(device: torch.device) -> torch.dtype:
    """A type in which products of matrices of whole numbers keep 24 bits."""
    # A GPU may be set to multiply float32 with 10 bits (TF32).
    return torch.float32 if device.type == "cpu" else torch.float64
