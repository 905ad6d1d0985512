"""Directions in the space of a unit's coefficients, by linear programming (SciPy's HiGHS).

They are no proofs yet: :class:`jpegx.consistency.certificates.Certificates` makes them such, in
closed form, so that nothing depends on the solver.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_before_rounding
from jpegx.jpeg.dct import islow_matrices

# What roundings can add to libjpeg's integers, about: how far the cells of
# :func:`find_multipliers` are widened. It only says how good the multipliers are.
_SLACK = 2.5


def find_multipliers(model: UnitModel, cell: Cell, weights: Tensor) -> Tensor | None:
    """Multipliers (K) of libjpeg's integers for the largest sum of a unit's samples.

    ``cell``: of one unit, (1, K). ``weights``: of its samples (K). The pixels, from 0 to 255, and
    the samples are the variables. None if no pixels meet the cells. Raises ImportError without
    SciPy.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    channels = model.region.layout.channels
    pixels, size = model.region.height * model.region.width, model.steps.numel()
    mix, offset = _colours(model)
    means = _means(model)
    rows, columns = (m.cpu().numpy().T for m in islow_matrices(model.device))
    transform = sparse.kron(sparse.identity(model.blocks), sparse.csr_matrix(columns @ rows))
    shift = transform @ np.full(size, 128.0)
    least, largest = (v[0].double().cpu().numpy() for v in cell.integers())
    inside = sparse.hstack([sparse.csr_matrix((size, channels * pixels)), transform])
    scale = 1 / float(weights.abs().max())
    price = np.append(np.zeros(channels * pixels), -scale * weights.double().cpu().numpy())
    mixed = means @ sparse.kron(sparse.csr_matrix(mix), sparse.identity(pixels))
    result = linprog(
        price,
        A_ub=sparse.vstack([inside, -inside]).tocsr(),
        b_ub=np.concatenate([largest + _SLACK + shift, _SLACK - shift - least]),
        A_eq=sparse.hstack([-mixed, sparse.identity(size)]).tocsr(),
        b_eq=means @ np.repeat(offset, pixels),
        bounds=np.array([[0.0, 255.0]] * (channels * pixels) + [[-np.inf, np.inf]] * size),
        method="highs-ipm",
    )
    if result.status != 0:
        return None
    above, below = torch.tensor(result.ineqlin.marginals, device=model.device).view(2, size)
    multipliers: Tensor = (below - above) / scale
    return multipliers


def _means(model: UnitModel) -> Any:  # noqa: ANN401 (SciPy has no types)
    """The samples of a unit from its components' pixels, sparse (K, C P)."""
    from scipy import sparse

    pixels = model.region.height * model.region.width
    return sparse.block_diag(
        [
            sparse.identity(pixels)
            if m.sums is None
            else sparse.csr_matrix((m.sums / m.pixels_per_sample).cpu().numpy())
            for m in model.maps
        ]
    )


def _colours(model: UnitModel) -> tuple[np.ndarray, np.ndarray]:
    """Components of a pixel: a matrix (C, C) for its channels, and what is added (C)."""
    layout, channels = model.region.layout, model.region.layout.channels
    if layout.color_space != "ycbcr":
        return np.eye(channels), np.zeros(channels)
    mix = change_before_rounding(torch.eye(channels)[:, :, None], layout)
    return mix[:, :, 0].double().numpy().T, np.array([0.0, 128.0, 128.0])
