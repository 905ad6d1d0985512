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
from jpegx.errors import JpegxError
from jpegx.jpeg.color import change_before_rounding
from jpegx.jpeg.dct import islow_matrices

# What roundings can add to libjpeg's integers, about: how far the cells of
# :func:`find_multipliers` are widened. It only says how good the multipliers are.
_SLACK = 2.5


def find_direction(model: UnitModel, cell: Cell, low: Tensor, high: Tensor) -> Tensor:
    """The direction (K) along which the cells of a unit are farthest beyond all pictures.

    ``cell``: of one unit, (1, K). ``low``, ``high``: bounds of the pixels, one or (P). The numbers
    behind libjpeg's roundings (pixels, their components, samples, outputs of both passes of the
    DCT) are the variables, real; the program finds how far the cells must at least be widened to be
    met, and its dual is the direction; all zeros if they need not be. Raises JpegxError if SciPy is
    missing.
    """
    try:
        from scipy import sparse
        from scipy.optimize import linprog
    except ImportError:
        raise JpegxError("--certify needs SciPy; pip install 'jpegx[certify]'") from None
    layout, channels = model.region.layout, model.region.layout.channels
    pixels, size = model.region.height * model.region.width, model.steps.numel()
    eye, zero = sparse.identity, sparse.csr_matrix
    mix, offset = _colours(model)
    colour_rounding = 0.5 if layout.color_space == "ycbcr" else 0.0
    means = _means(model)
    counts = np.concatenate([np.full(len(m.bias), float(m.pixels_per_sample)) for m in model.maps])
    most = np.concatenate([m.bias.cpu().numpy() for m in model.maps]) / counts
    rows, columns = (m.cpu().numpy().T for m in islow_matrices(model.device))
    blocks = eye(model.blocks)
    first, second = sparse.kron(blocks, zero(rows)), sparse.kron(blocks, zero(columns))
    place = np.tile(np.arange(64), model.blocks)
    rounded_rows = (place % 4 != 0) / 2
    rounded = ((place % 4 != 0) | (place // 8 % 4 != 0)) / 2
    centred = first @ np.full(size, -128.0)
    # Each number minus what it is rounded from, in the order pixels, components, samples, outputs
    # of the first pass; and what the rounding can make of it.
    steps = sparse.bmat(
        [
            [-sparse.kron(zero(mix), eye(pixels)), eye(channels * pixels), None, None],
            [None, -means, eye(size), None],
            [None, None, -first, eye(size)],
        ]
    )
    middle = np.concatenate([np.repeat(offset, pixels), most - (1 - 1 / counts) / 2, centred])
    half = np.concatenate(
        [np.full(channels * pixels, colour_rounding), (1 - 1 / counts) / 2, rounded_rows]
    )
    least, largest = (v[0].double().cpu().numpy() for v in cell.integers())
    unused = zero((size, 2 * channels * pixels + size))
    widened, none = np.ones((size, 1)), zero((steps.shape[0], 1))
    above, below = (sparse.hstack([unused, second, sign * widened]) for sign in (1, -1))
    result = linprog(
        np.append(np.zeros(steps.shape[1]), 1.0),
        A_ub=sparse.vstack(
            [sparse.hstack([steps, none]), sparse.hstack([-steps, none]), -above, below]
        ).tocsr(),
        b_ub=np.concatenate([middle + half, half - middle, rounded - least, largest + rounded]),
        bounds=_bounds(low, high, channels, pixels, channels * pixels + 2 * size),
        method="highs",
    )
    if result.status != 0:
        return torch.zeros(size, dtype=torch.float64, device=model.device)
    marginals = result.ineqlin.marginals[-2 * size :]
    direction = torch.tensor(marginals[size:] - marginals[:size], device=model.device)
    return direction


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


def _bounds(low: Tensor, high: Tensor, channels: int, pixels: int, others: int) -> np.ndarray:
    """Bounds (variables, 2): of the pixels, of the numbers made of them, of the widening."""
    ends = [v.double().cpu().expand(pixels).repeat(channels).numpy() for v in (low, high)]
    free = np.tile([-np.inf, np.inf], (others, 1))
    return np.concatenate([np.stack(ends, axis=1), free, [[0.0, np.inf]]])
