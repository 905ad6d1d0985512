"""The picture that a file allows nearest to a hypothesis, and how near it can be at best."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from jpegx.consistency.compare import distances
from jpegx.exploration.block_distance import Problem, nearest_samples
from jpegx.exploration.cell_bounds import integer_cells
from jpegx.exploration.functionals import by_block, sample_weights
from jpegx.exploration.hypothesis import Hypothesis
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.samples import with_samples
from jpegx.exploration.selection import Selection, touched
from jpegx.exploration.statements import Can, Cannot, Statement
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import integer_samples

RMSE = "gray levels RMSE"
METHOD = "cells and range of samples"

Verdict = Literal["consistent", "impossible", "undecided"]


@dataclass(frozen=True)
class Nearness:
    """How near a file comes to a hypothesis on a region, in gray levels RMSE of the samples.

    ``least``: certified, nothing is nearer. ``reached``: of the exact picture ``patch``, None if
    none was found. ``outside``: coefficients of the hypothesis' own units, of ``total``, that are
    not the file's; ``excess``: how far the worst of them is from the file's, in steps (below 0.5 is
    inside).
    """

    hypothesis: Hypothesis
    region: Selection
    least: float
    reached: float | None
    patch: Patch
    outside: int
    total: int
    excess: float

    def verdict(self, tolerance: float) -> Verdict:
        """Whether the file allows a picture within a distance of the hypothesis."""
        if self.reached is not None and self.reached <= tolerance:
            return "consistent"
        return "impossible" if self.least > tolerance else "undecided"

    def statements(self) -> list[Statement]:
        """What is proven, and what is shown."""
        quantity = f"distance to {self.hypothesis.name}"
        said: list[Statement] = []
        if self.least > 0:
            said.append(Cannot(quantity, RMSE, self.least, None, METHOD))
        if self.reached is not None:
            said.append(Can(quantity, RMSE, self.reached, self.patch.different, self.patch))
        return said

    def facts(self) -> dict[str, float]:
        """What the hypothesis itself, put into its units, would have made of the file."""
        return {
            "coefficients_outside": self.outside,
            "coefficients": self.total,
            "largest_distance_steps": self.excess,
        }


def find_nearest(
    jpeg: QuantizedJpeg, hypothesis: Hypothesis, region: Selection, *, luma: bool = False
) -> Nearness:
    """The nearest picture, and the certificate.

    The distance is the root mean square over the region's pixels, and over the components, of the
    difference between samples as libjpeg makes them of both pictures; each pixel stands for its
    sample. ``luma``: of the first component alone. What is outside of the region is free.
    """
    asked = hypothesis.region(region)
    finisher = Finisher(jpeg, touched(asked))
    part, box = finisher.jpeg, finisher.touched.box
    shown = finisher.decoded().round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    opaque = hypothesis.opaque[box.rows, box.columns, None]
    canvas = np.where(opaque, hypothesis.pixels[box.rows, box.columns], shown)
    own = finisher.judge(np.ascontiguousarray(canvas))
    components = range(1 if luma else len(part.layout.factors))
    mask = asked.inside(box).astype(np.float64)
    weights = [sample_weights(mask, c, finisher.touched) for c in components]
    wanted = integer_samples(own.pixels, part.layout)
    visible = integer_samples(np.ascontiguousarray(shown), part.layout)
    number = sum(float(values.sum()) for values in weights)
    least, found = 0.0, {}
    for c in () if own.exact else components:
        share = by_block(weights[c])
        used = share.sum(axis=(2, 3)) > 0
        largest = share.max()
        low, high = integer_cells(part, c)
        solved = nearest_samples(
            Problem(
                share[used] / largest,
                by_block(wanted[c])[used].astype(np.float64),
                by_block(visible[c])[used].astype(np.float64),
                low[used],
                high[used],
            )
        )
        least += largest * float(solved.least.sum())
        found[c] = used, solved.samples
    patch = own if own.exact else finisher.finish(with_samples(finisher, found))
    reached = integer_samples(patch.pixels, part.layout)
    squares = sum(float((weights[c] * np.square(reached[c] - wanted[c])).sum()) for c in components)
    return Nearness(
        hypothesis,
        asked,
        float(np.sqrt(least / number)),
        float(np.sqrt(squares / number)) if patch.exact else None,
        patch,
        own.different,
        own.total,
        max(float(far.max()) for far in distances(part, own.pixels)),
    )
