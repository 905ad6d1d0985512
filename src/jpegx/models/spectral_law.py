"""How large the DCT coefficients of natural pictures are: a power of their frequency (Field 1987).

Networks see coefficients in these units, which depend neither on a file's tables nor on what they
were trained on.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

_BLOCK = 8


class SpectralLaw(NamedTuple):
    """Deviations in gray levels: ``mean`` of a block's mean, ``factor * frequency ** -power``.

    Frequency in periods a pixel, of the orthonormal DCT of blocks of any size.
    """

    mean: float
    factor: float
    power: float


# Fitted to 150 of the training pictures, 16x16 blocks: right within a factor of 1.9.
LUMA, CHROMA = SpectralLaw(64.0, 3.1, 1.3), SpectralLaw(17.5, 0.55, 1.4)


@lru_cache
def expected_spread(reduction: tuple[int, int], law: SpectralLaw) -> Tensor:
    """The deviations of natural pictures' DCT coefficients in 8x8 blocks, float64 (8, 8).

    ``reduction``: (across, down) pixels of a sample of the component.
    """
    across, down = reduction
    order = torch.arange(_BLOCK, dtype=torch.float64)
    periods = torch.hypot(order[:, None] / (2 * _BLOCK * down), order / (2 * _BLOCK * across))
    spread: Tensor = law.factor * periods.pow(-law.power)
    spread[0, 0] = law.mean * _BLOCK * (across * down) ** 0.5
    spread /= (across * down) ** 0.5
    return spread
