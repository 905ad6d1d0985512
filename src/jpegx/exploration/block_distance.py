"""How near the samples that a file allows come to wanted ones: certified, block by block.

Wanted is the least sum of w (x - h)**2 over the samples x of a block, from 0 to 255, whose
coefficients are in their cells; h may be a family a t + b with one contrast a and one offset b for
several blocks (a glyph on its ground). The method of multipliers (ADMM) finds samples, contrast
and offset; its multipliers r of the cells make a proof, in closed form, whatever they are: as
r . s <= the most that the cells allow, for libjpeg's integers s, every picture that the file allows
has v . x <= c for weights v of its samples and a number c that holds all roundings; so that

    sum w (x - h)**2 >= the least of sum w (x - h)**2 + v . x - c   over samples from 0 to 255,

which falls into single samples. Over contrast and offset, in which it is convex, a tangent bounds
it. (The Frank-Wolfe gap of Jaggi 2013 is this bound where r is the gradient.)
"""

from dataclasses import dataclass

import numpy as np

from jpegx.exploration.cell_bounds import rounding, samples_of
from jpegx.jpeg.libjpeg_arrays import dct_of_blocks

_TOLERANCE = 1e-9
_PENALTY = 0.25  # of the method of multipliers, for weights about 1
_RELAXED = 1.6
_NEAR = 1e-3  # a certificate this near to what is reached is tight
_LONGER = 10  # times the iterations for the few blocks where it is not


@dataclass(frozen=True)
class Family:
    """Wanted samples a t + b: ``template`` t (B, 8, 8), ``group`` (B): which a and b a block has.

    ``contrast``, ``offset``: the least and the largest a and b.
    """

    template: np.ndarray
    group: np.ndarray
    contrast: tuple[float, float]
    offset: tuple[float, float]


@dataclass(frozen=True)
class Problem:
    """Blocks (B, 8, 8): ``weights`` w from 0 to about 1, ``wanted`` h.

    ``shown``: where the search starts for samples without weight. ``low``, ``high``: libjpeg's
    integers, of their cells. ``family``: instead of ``wanted``.
    """

    weights: np.ndarray
    wanted: np.ndarray
    shown: np.ndarray
    low: np.ndarray
    high: np.ndarray
    family: Family | None = None


@dataclass(frozen=True)
class Nearest:
    """``samples`` (B, 8, 8) that come near; ``least``: certified, of the sum of each group.

    ``reached``: the sum of each group for the samples, which are real and not exact. ``contrast``,
    ``offset``: of each group, of a family. Without a family each block is a group.
    """

    samples: np.ndarray
    least: np.ndarray
    reached: np.ndarray
    contrast: np.ndarray | None = None
    offset: np.ndarray | None = None


def nearest_samples(problem: Problem, iterations: int = 200) -> Nearest:
    """Solve a problem and certify it; without a family, longer where the two ends are far apart."""
    found = _solve(problem, iterations)
    loose = found.least < found.reached * (1 - _NEAR) - 0.01
    if problem.family is not None or not loose.any():
        return found
    values = (problem.weights, problem.wanted, problem.shown, problem.low, problem.high)
    weights, wanted, shown, low, high = (value[loose] for value in values)
    again = _solve(Problem(weights, wanted, shown, low, high), _LONGER * iterations)
    found.samples[loose], found.reached[loose] = again.samples, again.reached
    found.least[loose] = np.maximum(found.least[loose], again.least)
    return found


def _solve(problem: Problem, iterations: int) -> Nearest:
    weights = problem.weights
    slack = rounding(np.eye(64).reshape(64, 8, 8)).reshape(8, 8)
    low, high = (problem.low - slack) / 8, (problem.high + slack) / 8
    fitted = _Fitted(problem)
    wanted = fitted.wanted(np.where(problem.weights > 0, problem.wanted, problem.shown) - 128)
    samples = wanted.clip(-128, 127)
    cells = dct_of_blocks(samples).clip(low, high)
    inside = samples.copy()
    push, hold = np.zeros_like(samples), np.zeros_like(samples)
    scale = 2 * weights + 2 * _PENALTY
    for _ in range(iterations):
        aim = _PENALTY * (dct_of_blocks(cells - push, inverse=True) + inside - hold)
        samples = (2 * weights * wanted + aim) / scale
        wanted = fitted.improve(samples, wanted)
        spectrum = _RELAXED * dct_of_blocks(samples) + (1 - _RELAXED) * cells
        cells = (spectrum + push).clip(low, high)
        push += spectrum - cells
        near = _RELAXED * samples + (1 - _RELAXED) * inside
        inside = (near + hold).clip(-128, 127)
        hold += near - inside
    least = fitted.certify(_PENALTY * push / 8)
    gaps = problem.weights * np.square(inside - wanted)
    reached = fitted.total(gaps.sum(axis=(1, 2)))
    return Nearest(inside + 128, least, reached, fitted.contrast, fitted.offset)


class _Fitted:
    """What is wanted, contrast and offset as they are found."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._family = problem.family
        self.contrast: np.ndarray | None = None
        self.offset: np.ndarray | None = None
        if self._family is not None:
            groups = int(self._family.group.max()) + 1
            self.contrast = np.full(groups, float(np.mean(self._family.contrast)))
            self.offset = np.full(groups, float(np.mean(self._family.offset)))

    def wanted(self, otherwise: np.ndarray) -> np.ndarray:
        """The wanted samples, centred on 0; ``otherwise``: where there is no family or weight."""
        family = self._family
        if family is None or self.contrast is None or self.offset is None:
            return otherwise
        contrast, offset = (v[family.group][:, None, None] for v in (self.contrast, self.offset))
        made = contrast * family.template + offset - 128
        return np.asarray(np.where(self._problem.weights > 0, made, otherwise))

    def improve(self, samples: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Contrast and offset that fit samples best, and what is wanted then."""
        family, weights = self._family, self._problem.weights
        if family is None:
            return wanted
        shade, values = family.template, samples + 128
        one, first, second, value, mixed = (
            self.total((weights * v).sum(axis=(1, 2)))
            for v in (1, shade, shade * shade, values, shade * values)
        )
        spread = np.maximum(one * second - first**2, 1e-12)
        self.contrast = ((one * mixed - first * value) / spread).clip(*family.contrast)
        one = np.maximum(one, 1e-12)
        self.offset = ((value - self.contrast * first) / one).clip(*family.offset)
        return self.wanted(wanted)

    def total(self, blocks: np.ndarray) -> np.ndarray:
        """Numbers of blocks (B) added up by group."""
        if self._family is None:
            return blocks
        return np.bincount(self._family.group, blocks)

    def certify(self, multipliers: np.ndarray) -> np.ndarray:
        """No more than the least sum of each group, whatever the multipliers (B, 8, 8)."""
        problem, family = self._problem, self._family
        slopes = samples_of(multipliers)
        most = np.maximum(multipliers * problem.low, multipliers * problem.high)
        limit = most.sum(axis=(1, 2)) + rounding(multipliers) + 128 * slopes.sum(axis=(1, 2))
        weights = problem.weights
        wanted = self.wanted(problem.wanted - 128) + 128
        best = wanted - slopes / (2 * np.maximum(weights, 1e-12))
        best = np.where(weights > 0, best, np.where(slopes > 0, 0, 255)).clip(0, 255)
        gaps = best - wanted
        sums = weights * gaps**2 + slopes * best
        size = np.abs(slopes).sum(axis=(1, 2)) * 255 + np.abs(most).sum(axis=(1, 2))
        least = self.total(sums.sum(axis=(1, 2)) - limit - _TOLERANCE * size)
        if family is None or self.contrast is None or self.offset is None:
            return np.asarray(np.maximum(least, 0))
        # The sum is convex in contrast and offset: nowhere is it below its tangent.
        fall = -2 * weights * gaps
        for shade, at, ends in (
            (family.template, self.contrast, family.contrast),
            (1.0, self.offset, family.offset),
        ):
            slope = self.total((fall * shade).sum(axis=(1, 2)))
            least = least + np.minimum(slope * (ends[0] - at), slope * (ends[1] - at))
        return np.asarray(np.maximum(least, 0))
