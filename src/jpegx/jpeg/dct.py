"""The 8x8 discrete cosine transform: orthonormal, and libjpeg's accurate integer version."""

from functools import lru_cache
from math import cos, pi, sqrt

import torch
from torch import Tensor

# Constants of libjpeg's "islow" transform, 13 fractional bits (Loeffler, Ligtenberg and
# Moschytz 1989): each output of a pass is an exact integer combination of its 8 inputs.
_SCALE = 1 << 13


def _fixed(value: float) -> int:
    return int(value * _SCALE + 0.5)


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


def _islow_pass() -> Tensor:
    """One pass of islow as an integer matrix (8, 8), found by running it on the unit vectors."""
    x = torch.eye(8, dtype=torch.int64).unbind(0)
    sums = [x[i] + x[7 - i] for i in range(4)]
    even_a, even_b = sums[0] + sums[3], sums[1] + sums[2]
    odd_a, odd_b = sums[0] - sums[3], sums[1] - sums[2]
    shared = (odd_a + odd_b) * _fixed(0.541196100)
    out: list[Tensor] = [x[0]] * 8
    out[0], out[4] = (even_a + even_b) * _SCALE, (even_a - even_b) * _SCALE
    out[2] = shared + odd_a * _fixed(0.765366865)
    out[6] = shared - odd_b * _fixed(1.847759065)
    d4, d5, d6, d7 = (x[3 - i] - x[4 + i] for i in range(4))
    turn = (d4 + d6 + d5 + d7) * _fixed(1.175875602)
    z1, z2 = (d4 + d7) * -_fixed(0.899976223), (d5 + d6) * -_fixed(2.562915447)
    z3 = (d4 + d6) * -_fixed(1.961570560) + turn
    z4 = (d5 + d7) * -_fixed(0.390180644) + turn
    out[7] = d4 * _fixed(0.298631336) + z1 + z3
    out[5] = d5 * _fixed(2.053119869) + z2 + z4
    out[3] = d6 * _fixed(3.072711026) + z2 + z3
    out[1] = d7 * _fixed(1.501321110) + z1 + z4
    return torch.stack(out)


@lru_cache
def islow_matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    """The two passes of :func:`islow` without their rounding, float64 (64, 64) each.

    ``blocks @ rows`` is rounded, and that ``@ columns`` again.
    """
    one = _islow_pass().double()
    eye = torch.eye(8, dtype=torch.float64)
    rows, columns = torch.kron(eye, one), torch.kron(one, eye)
    return (rows / (1 << 11)).T.to(device).contiguous(), (columns / (1 << 15)).T.to(
        device
    ).contiguous()


def islow(blocks: Tensor) -> Tensor:
    """libjpeg's integer DCT (JDCT_ISLOW) of centred blocks (..., 64), integers from -128 to 127.

    Returns float64 (..., 64) that hold the exact integers of libjpeg: 8 times the orthonormal
    coefficients, rounded after each of the two passes as libjpeg does. Each pass is an exact
    integer combination and one rounding shift; float64 holds all of its sums without error.
    """
    rows, columns = islow_matrices(blocks.device)
    half = torch.tensor(0.5, dtype=torch.float64, device=blocks.device)
    flat = blocks.reshape(-1, 64).double()
    first = torch.addmm(half, flat, rows).floor_()
    return torch.addmm(half, first, columns).floor_().view(blocks.shape)
