"""Blocks of other sizes than 8x8: components enlarged by their DCT, blocks joined to larger ones.

Bahat and Michaeli 2021, 4.1 and 4.2: a picture's chroma has next to nothing outside the low
frequencies that a reduced component holds, so it is enlarged by padding its DCT with zeros.
"""

from functools import lru_cache
from math import pi, sin, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 8


def box_mean_gain(reduction: int) -> list[float]:
    """What means of ``reduction`` samples leave of the 8 lowest frequencies along one axis.

    A cosine of a block of ``8 * reduction`` samples stays one of 8 samples: frequencies do not mix.
    The gain of frequency k is sin(k π / 16) / (r sin(k π / 16 r)), 1 at k = 0.
    """
    gains = [1.0]
    for k in range(1, _BLOCK):
        angle = k * pi / (2 * _BLOCK)
        gains.append(sin(angle) / (reduction * sin(angle / reduction)))
    return gains


def enlarge(values: Tensor, reduction: tuple[int, int], *, compensate: bool = True) -> Tensor:
    """The plane (N, 8 rows * down, 8 columns * across) of a reduced component, centred on 0.

    ``values``: DCT coefficients (N, rows, columns, 8, 8); ``reduction``: (across, down) pixels for
    each of its samples. Each block is padded with zeros to one of ``8 * across`` by ``8 * down``
    frequencies. ``compensate``: frequencies are divided by what means of the pixels leave of them
    (:func:`box_mean_gain`), so that those means are the component again; without, high ones come
    back too small, as published. Differentiable.
    """
    across, down = reduction
    device, dtype = values.device, values.dtype
    columns = _enlarging(down, compensate, device, dtype)
    rows = _enlarging(across, compensate, device, dtype)
    blocks = columns @ values @ rows.T  # (N, rows, columns, 8 * down, 8 * across)
    return blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def join_blocks(values: Tensor, many: tuple[int, int]) -> Tensor:
    """The low 16x16 frequencies of blocks joined to larger ones, (N, rows, columns, 16, 16).

    ``values``: DCT coefficients of 8x8 blocks (N, rows * down, columns * across, 8, 8); ``many``:
    (across, down) blocks that are joined. Orthonormal; of what stays 8 wide the rest is 0.
    Differentiable.
    """
    across, down = many
    grid = values.unflatten(2, (-1, across)).unflatten(1, (-1, down)).transpose(2, 3)
    tall = grid.permute(0, 1, 2, 3, 5, 4, 6).flatten(5, 6).flatten(3, 4)
    columns = _joining(down, values.device, values.dtype)
    rows = _joining(across, values.device, values.dtype)
    low: Tensor = columns @ tall @ rows.T
    return F.pad(low, (0, 16 - low.shape[4], 0, 16 - low.shape[3]))


def in_table_steps(values: Tensor, tables: Tensor) -> Tensor:
    """Coefficients (N, rows, columns, 16, 16) in steps of tables (N, 8, 8), edges repeated."""
    steps = F.pad(tables[:, None], (0, 8, 0, 8), mode="replicate")
    return values / steps[:, None].to(values.dtype)


@lru_cache
def _enlarging(
    reduction: int, compensate: bool, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Samples of a larger block from 8 frequencies along one axis, (8 * reduction, 8)."""
    waves = _cosines(_BLOCK * reduction)[:_BLOCK].T * sqrt(reduction)
    if compensate:
        waves = waves / torch.tensor(box_mean_gain(reduction), dtype=torch.float64)
    return waves.to(device=device, dtype=dtype)


@lru_cache
def _joining(many: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The lowest 16 frequencies of so many blocks along one axis, (16 or 8, 8 * many)."""
    samples = torch.kron(torch.eye(many, dtype=torch.float64), _cosines(_BLOCK).T.contiguous())
    return (_cosines(_BLOCK * many) @ samples)[:16].to(device=device, dtype=dtype)


def _cosines(size: int) -> Tensor:
    """Orthonormal DCT-II along one axis, float64 (frequencies, samples)."""
    frequency = torch.arange(size, dtype=torch.float64)[:, None]
    sample = torch.arange(size, dtype=torch.float64)
    waves = torch.cos((2 * sample + 1) * frequency * (pi / (2 * size))) * sqrt(2 / size)
    waves[0] = sqrt(1 / size)
    return waves
