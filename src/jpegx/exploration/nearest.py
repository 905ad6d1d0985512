"""The picture that a file allows nearest to a hypothesis, and how near it can be at best."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from jpegx.consistency.compare import distances
from jpegx.exploration.block_distance import Problem, nearest_samples
from jpegx.exploration.cell_bounds import integer_cells
from jpegx.exploration.cube_distance import nearest_pixels
from jpegx.exploration.functionals import by_block, sample_weights, sums_of_units
from jpegx.exploration.hypothesis import Hypothesis
from jpegx.exploration.patch import Finisher, Patch
from jpegx.exploration.samples import with_samples
from jpegx.exploration.selection import Selection, Touched, touched
from jpegx.exploration.statements import GAMUT, RMSE, Can, Cannot, Statement
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import integer_samples

_MOST_UNITS = 200  # that are asked about the RGB cube, some 40 ms each

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
            said.append(Cannot(quantity, RMSE, self.least, None, GAMUT))
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
    return _Search(jpeg, hypothesis, region, luma=luma).nearness()


class _Search:
    """The units of one region, held against a hypothesis."""

    def __init__(
        self, jpeg: QuantizedJpeg, hypothesis: Hypothesis, region: Selection, *, luma: bool
    ) -> None:
        self._hypothesis = hypothesis
        self._asked = hypothesis.region(region)
        self._finisher = Finisher(jpeg, touched(self._asked))
        self._part, box = self._finisher.jpeg, self._finisher.touched.box
        decoded = self._finisher.decoded().round().clamp(0, 255)
        shown = np.ascontiguousarray(decoded.byte().permute(1, 2, 0).numpy())
        opaque = hypothesis.opaque[box.rows, box.columns, None]
        canvas = np.where(opaque, hypothesis.pixels[box.rows, box.columns], shown)
        self._own = self._finisher.judge(np.ascontiguousarray(canvas))
        mask = self._asked.inside(box).astype(np.float64)
        components = range(1 if luma else len(self._part.layout.factors))
        self._weights = [sample_weights(mask, c, self._finisher.touched) for c in components]
        wanted = integer_samples(self._own.pixels, self._part.layout)
        visible = integer_samples(shown, self._part.layout)
        self._wanted = [wanted[c].astype(np.float64) for c in components]
        self._visible = [visible[c].astype(np.float64) for c in components]

    def nearness(self) -> Nearness:
        """The nearest picture that is found, and the certificate."""
        number = sum(float(values.sum()) for values in self._weights)
        own = self._own
        least, patch = (0.0, own) if own.exact else self._solve()
        reached = float(self._distances(patch).sum())
        return Nearness(
            self._hypothesis,
            self._asked,
            float(np.sqrt(least / number)),
            float(np.sqrt(reached / number)) if patch.exact else None,
            patch,
            own.different,
            own.total,
            max(float(far.max()) for far in distances(self._part, own.pixels)),
        )

    def _solve(self) -> tuple[float, Patch]:
        """No less than the sum of any picture, and a picture that comes near."""
        layout, finisher = self._part.layout, self._finisher
        found, sums = {}, np.zeros(layout.mcu_grid)
        for c, weights in enumerate(self._weights):
            share = by_block(weights)
            used = share.sum(axis=(2, 3)) > 0
            largest = share.max()
            low, high = integer_cells(self._part, c)
            solved = nearest_samples(
                Problem(
                    share[used] / largest,
                    by_block(self._wanted[c])[used],
                    by_block(self._visible[c])[used],
                    low[used],
                    high[used],
                )
            )
            least = np.zeros(used.shape)
            least[used] = largest * solved.least
            sums += sums_of_units(least, c, layout)
            found[c] = used, solved.samples
        image = with_samples(finisher, found)
        patch = finisher.finish(image)
        units = self._beyond_the_cube(image)
        if units.any():
            cube = nearest_pixels(self._part, self._wanted, self._weights, image, units)
            sums = np.maximum(sums, cube.least)
            patch = self._nearer(patch, finisher.finish(cube.image))
        return float(sums.sum()), patch

    def _beyond_the_cube(self, image: Tensor) -> np.ndarray:
        """Which units have colours that no pixel has; not all, if there are very many."""
        layout, units = self._part.layout, self._finisher.touched
        if layout.color_space != "ycbcr":
            return np.zeros(units.mask.shape, bool)
        outside = (image - image.clamp(0, 255)).abs().amax(dim=0).numpy()
        wide, high = layout.mcu_size
        rows, columns = units.mask.shape
        whole = np.zeros((rows * high, columns * wide))
        whole[: len(outside), : outside.shape[1]] = outside
        worst = whole.reshape(rows, high, columns, wide).max(axis=(1, 3)) * units.mask
        limit = np.sort(worst, axis=None)[-min(_MOST_UNITS, worst.size)]
        chosen: np.ndarray = worst >= max(limit, 1.0)
        return chosen

    def _nearer(self, first: Patch, second: Patch) -> Patch:
        """Of two patches the better one; of exact ones, the better one of each unit."""
        if not (first.exact and second.exact):
            return first if first.different <= second.different else second
        better = self._distances(first) <= self._distances(second)
        units = self._finisher.touched
        which = Touched(units.layout, units.rows, units.columns, better).pixel_mask()
        return self._finisher.judge(np.where(which[..., None], first.pixels, second.pixels))

    def _distances(self, patch: Patch) -> np.ndarray:
        """The sum of each unit, (rows, columns), of a patch's samples."""
        layout = self._part.layout
        reached = integer_samples(patch.pixels, layout)
        sums = np.zeros(layout.mcu_grid)
        for c, (weights, wanted) in enumerate(zip(self._weights, self._wanted, strict=True)):
            squares = weights * np.square(reached[c] - wanted)
            sums += sums_of_units(by_block(squares).sum(axis=(2, 3)), c, layout)
        return sums
