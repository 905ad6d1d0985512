"""Brighter here than there: can a set of inequalities hold together in a picture of a file?

A linear program over the coefficients in their cells finds the largest margin by which all of them
hold at once, and its multipliers, one for each inequality, at least 0 and 1 together. If even the
sum of the inequalities with these multipliers exceeds what the file allows of such a sum, certified
in closed form, they cannot hold together (Farkas), whatever the solver did.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jpegx.errors import JpegxError
from jpegx.exploration.block_programs import integer_samples_of, largest
from jpegx.exploration.cell_bounds import cell_range, spectra, used_blocks
from jpegx.exploration.doubts import doubts
from jpegx.exploration.functionals import Functional, by_block, contrast
from jpegx.exploration.parameters import BadParameter
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.samples import with_samples
from jpegx.exploration.selection import Selection, touched
from jpegx.exploration.statements import GRAY_LEVELS, Answer, Can, Cannot, Statement
from jpegx.jpeg.file import QuantizedJpeg

_MOST_BLOCKS = 4000


@dataclass(frozen=True)
class Inequality:
    """The mean over one area is at least ``levels`` above that over another."""

    bright: Selection
    dark: Selection
    levels: float

    @property
    def text(self) -> str:
        """What messages call it."""
        return f"{self.bright.text} brighter than {self.dark.text} by {self.levels:g}"


def answer_order(
    jpeg: QuantizedJpeg, name: str, inequalities: Sequence[Inequality], called: str | None = None
) -> tuple[Answer, str, Patch]:
    """Whether they can hold together; the verdict in a word; the exact picture that was tried.

    ``called``: of which component, None for the first. Raises BadParameter if there is no such;
    JpegxError: SciPy is missing, or the areas are too large.
    """
    names = jpeg.layout.names
    if called is not None and called not in names:
        raise BadParameter("component", f"the file has {', '.join(names)}")
    component = 0 if called is None else names.index(called)
    whole = inequalities[0].bright
    for inequality in inequalities:
        whole = whole.joined(inequality.bright).joined(inequality.dark)
    units = touched(whole)
    finisher = Finisher(jpeg, units)
    part = finisher.jpeg
    sums = [contrast(i.text, component, i.bright, i.dark, units) for i in inequalities]
    wanted = np.array([i.levels for i in inequalities])
    every = Functional("", component, np.sum([np.abs(f.weights) for f in sums], axis=0))
    used, blocks = used_blocks(part, every)
    if len(blocks.weights) > _MOST_BLOCKS:
        raise JpegxError(f"the areas touch {len(blocks.weights)} blocks; {_MOST_BLOCKS} at most")
    weights = np.stack([by_block(f.weights)[used] for f in sums])
    multipliers, integers = _solve(weights, wanted, blocks.low, blocks.high)
    together = Functional(
        "", component, np.tensordot(multipliers, [f.weights for f in sums], axes=1)
    )
    _, combined = used_blocks(part, together)
    most = min(cell_range(combined).most, float(largest(combined).most.sum()))
    margin = float(multipliers @ wanted) - most
    samples = integer_samples_of(integers).clip(0, 255)
    patch = finisher.finish(with_samples(finisher, {component: (used, samples)}))
    slack = min(
        f.value(patch.pixels, part.layout) - levels for f, levels in zip(sums, wanted, strict=True)
    )
    statements: list[Statement] = []
    if margin > 0:
        told = " and ".join(i.text for i in inequalities)
        method = f"Farkas, {margin:.2f} levels beyond what the cells and the gamut allow"
        statements.append(Cannot(told, GRAY_LEVELS, None, None, method, margin))
        verdict, line = "impossible", "impossible together, certified"
    elif patch.exact and slack >= 0:
        told = "all of them, the closest one holds by"
        statements.append(Can(told, GRAY_LEVELS, float(slack), 0, patch))
        verdict, line = "consistent", "possible together, an exact picture was found"
    else:
        verdict, line = "undecided", "undecided"
    facts = {
        "multipliers": [float(m) for m in multipliers],
        "margin": margin,
        "slack": float(slack),
        "verdict": verdict,
    }
    parameters = {
        "inequalities": [i.text for i in inequalities],
        "component": names[component],
    }
    answer = Answer("order", name, whole.text, statements, facts, parameters, doubts(jpeg), line)
    return answer, verdict, patch


def _solve(
    weights: np.ndarray, wanted: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers of the inequalities, and libjpeg's integers (B, 8, 8) with the largest margin."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        raise JpegxError("order needs SciPy (pip install 'jpegx[explore]')") from None
    spectrum = spectra(weights).reshape(len(weights), -1)
    middle, half = (low + high).ravel() / 2, (high - low).ravel() / 2
    if not spectrum.any():  # areas held against themselves: no picture makes a difference
        return np.eye(len(weights))[wanted.argmax()], middle.reshape(low.shape)
    scale = np.abs(spectrum).max()
    # How far each integer is from the middle of its cell, as a share; and the margin.
    rows = np.hstack([-spectrum * half / scale, np.full((len(weights), 1), 1 / scale)])
    limit = spectrum @ middle + 128 * weights.sum(axis=(1, 2, 3)) - wanted
    price = np.zeros(rows.shape[1])
    price[-1] = -1 / scale
    ends = np.array([[-1.0, 1.0]] * (rows.shape[1] - 1) + [[-1e4, 1e4]])
    result = linprog(price, A_ub=rows, b_ub=limit / scale, bounds=ends, method="highs")
    if result.status != 0:
        return np.full(len(weights), 1 / len(weights)), middle.reshape(low.shape)
    multipliers = np.maximum(-result.ineqlin.marginals, 0)
    total = multipliers.sum()
    multipliers = multipliers / total if total > 0 else np.full(len(weights), 1 / len(weights))
    return multipliers, (middle + half * result.x[:-1]).reshape(low.shape)
