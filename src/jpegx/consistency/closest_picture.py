"""The exact gap between the pictures and the cells of one unit, by an interior-point method."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.units import UnitModel
from jpegx.jpeg.color import change_before_rounding
from jpegx.jpeg.dct import islow_matrices, islow_rounds

_ROUNDS = 60
_CENTRING = 0.1  # by how much the barrier shrinks in a round
_BACK = 0.995  # of the way to a wall that a step may go
_LEAST_BARRIER = 1e-12
_NONE = 1e-2  # of libjpeg's integers: too small a gap to be told from an error of computing


def gaps(model: UnitModel, quantized: Tensor, low: Tensor, high: Tensor) -> Iterator[Tensor]:
    """Gaps (K), float64, from pictures to the cells of a unit's integers (K), ever more exact.

    ``low``, ``high``: bounds of the pixels, one or (P). All numbers behind libjpeg's roundings are
    variables, real, with what each rounding can add: pixels, components, samples, outputs of the
    first pass of the DCT, coefficients. The squared distance between the coefficients and the cells
    is least where the gap, if there is one, separates them.
    """
    matrix, offset, least, most = _program(model, quantized, low, high)
    z = (least + most) / 2
    barrier = float((matrix @ z + offset).square().mean()) + 1.0
    lower, upper = barrier / (z - least), barrier / (most - z)
    eye = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    for _ in range(_ROUNDS):
        to_least, to_most = z - least, most - z
        gap = matrix @ z + offset
        yield -gap
        if float(gap.norm()) < _NONE:
            return
        barrier = float((lower @ to_least + upper @ to_most) / (2 * len(z))) * _CENTRING
        if barrier < _LEAST_BARRIER:
            return
        slope = matrix.T @ gap - barrier / to_least + barrier / to_most
        weight = 1 / (lower / to_least + upper / to_most)
        scaled = matrix * weight
        factor, failed = torch.linalg.cholesky_ex(torch.addmm(eye, scaled, matrix.T))
        if failed:  # the numbers are at the end of their digits: there is no better gap
            return
        inner = torch.cholesky_solve((scaled @ slope)[:, None], factor)[:, 0]
        step = weight * (matrix.T @ inner - slope)
        lower_step = (barrier - lower * step) / to_least - lower
        upper_step = (barrier + upper * step) / to_most - upper
        reach = min(_reach(to_least, step), _reach(to_most, -step))
        z = z + reach * step
        reach = min(_reach(lower, lower_step), _reach(upper, upper_step))
        lower, upper = lower + reach * lower_step, upper + reach * upper_step


def _reach(values: Tensor, step: Tensor) -> float:
    """How much of a step, at most all of it, keeps positive values positive."""
    ratio = torch.where(step < 0, -values / step, torch.inf)
    return min(1.0, _BACK * float(ratio.min()))


def _program(
    model: UnitModel, quantized: Tensor, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Matrix (K, V), offset (K) and bounds (V), (V) of the variables that give the gap."""
    layout, device = model.region.layout, model.device
    kind: dict[str, Any] = {"dtype": torch.float64, "device": device}
    pixels, size = model.region.height * model.region.width, model.steps.numel()
    of_rows, of_all = islow_rounds(device)
    is_mixed = layout.color_space == "ycbcr"
    eye = torch.eye(layout.channels, device=device)[:, :, None]
    mix = change_before_rounding(eye, layout)[:, :, 0].double()
    columns: list[Tensor] = []
    ends: list[tuple[Tensor, Tensor]] = []
    of_pixels = torch.zeros(size, layout.channels, pixels, **kind)
    offset = torch.zeros(size, **kind)
    start = 0
    for c, m in enumerate(model.maps):
        blocks = m.block_rows * m.block_columns
        own = slice(start, start + 64 * blocks)
        start = own.stop
        first, second = (torch.block_diag(*[t.T] * blocks) for t in islow_matrices(device))
        both = second @ first
        means = torch.eye(pixels, **kind) if m.sums is None else m.sums / m.pixels_per_sample
        of_component = both @ means
        of_pixels[own] = mix[:, c][None, :, None] * of_component[:, None]
        centre = 0.0 if is_mixed and c else -128.0
        offset[own] = both.sum(dim=1) * centre
        kept, which = m.distinct_rows
        once = torch.zeros(len(which), len(kept), **kind)
        once[torch.arange(len(which), device=device), which] = 1
        half = of_rows.repeat(len(kept) // 8) / 2
        rounded = [(second @ once, -half, half)]
        if is_mixed:
            half = torch.full((pixels,), 0.5, **kind)
            rounded.append((of_component, -half, half))
        if m.pixels_per_sample > 1:
            least, most = m.rounding()
            rounded.append((both @ once, least[kept].double(), most[kept].double()))
        for effect, least, most in rounded:
            varies = most > least
            column = torch.zeros(size, int(varies.sum()), **kind)
            column[own] = effect[:, varies]
            columns.append(column)
            ends.append((least[varies], most[varies]))
    columns.append(of_pixels.flatten(1))
    least, most = (t.double().expand(pixels).repeat(layout.channels) for t in (low, high))
    ends.append((least, most))
    half = of_all.repeat(model.blocks) / 2
    least, most = Cell(quantized.double(), model.steps.double()).integers()
    columns.append(-torch.eye(size, **kind))
    ends.append((least - half, most + half))
    lows, highs = (torch.cat(side) for side in zip(*ends, strict=True))
    return torch.cat(columns, dim=1), offset, lows, highs
