"""Could this picture have been the source of that file? The answer of the real libjpeg."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from jpegx.consistency.causes import Causes
from jpegx.consistency.recompress import recompress
from jpegx.errors import JpegxError
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.libjpeg_arrays import scaled_coefficients


@dataclass(frozen=True)
class ComponentReport:
    """One component: coefficients that differ, of how many, and the largest distance.

    ``largest_distance``: of a coefficient before rounding from the file's integer, in quantization
    steps; below 0.5 is inside the cell, and 0.5 on the side of 0: libjpeg rounds halves away.
    ``beyond``: coefficients whose distance is more than 0.5 and the slack.
    """

    name: str
    different: int
    total: int
    largest_distance: float
    beyond: int


@dataclass(frozen=True)
class VerifyReport:
    """All components, and the consistency RMSE of Man et al. 2022 (Eq. 1) in gray levels.

    ``causes``: the coefficients that differ, by whether any picture could be exact there.
    ``slack``: the steps by which an encoder that does not simply round is allowed to be further
    away.
    """

    components: tuple[ComponentReport, ...]
    consistency_rmse: float
    causes: Causes
    slack: float = 0.0

    @property
    def exact(self) -> bool:
        """True if no coefficient differs: the picture could have been the source."""
        return all(component.different == 0 for component in self.components)

    @property
    def possible(self) -> bool:
        """True if it is exact, or with a slack no coefficient is beyond it."""
        within = all(component.beyond == 0 for component in self.components)
        return self.exact or (self.slack > 0 and within)


def verify(
    jpeg: QuantizedJpeg, pixels: np.ndarray, *, certify: bool = False, slack: float = 0.0
) -> VerifyReport:
    """Encode a picture with libjpeg 6b as the file was encoded, and compare the coefficients.

    ``pixels``: uint8 (height, width, channels), 3 channels (RGB) or, for a gray file, also 1.
    ``certify``: look for the exact gap of every unit that nothing else is proven of, not only of
    few. ``slack``: steps beyond the cells that are counted apart (``ComponentReport.beyond``). Only
    a picture that is not exact needs torch.
    Raises PictureMismatch if the picture does not fit, UnsupportedJpeg for fractional sampling,
    JpegxError for a slack that is not a number from 0 up.
    """
    check_slack(slack)
    encoded = recompress(jpeg, pixels)
    causes = Causes()
    if any(encoded.different):
        from jpegx.consistency.count_causes import find_causes

        causes = find_causes(jpeg, encoded.coefficients, certify=certify)
    components = component_reports(jpeg, encoded.different, distances(jpeg, pixels), slack)
    return VerifyReport(components, encoded.rmse, causes, slack)


def check_slack(slack: float) -> None:
    """Raises JpegxError for a slack that is not a number from 0 up."""
    if not (isfinite(slack) and slack >= 0):
        raise JpegxError(f"a slack of {slack}; give steps, 0 or more")


def component_reports(
    jpeg: QuantizedJpeg, different: Sequence[int], away: Sequence[np.ndarray], slack: float
) -> tuple[ComponentReport, ...]:
    """The reports of a file's components. ``away``: as of :func:`distances`."""
    return tuple(
        ComponentReport(
            name, count, far.size, float(far.max()), int(np.count_nonzero(far > 0.5 + slack))
        )
        for name, count, far in zip(jpeg.layout.names, different, away, strict=True)
    )


def distances(jpeg: QuantizedJpeg, pixels: np.ndarray) -> list[np.ndarray]:
    """For each component how far coefficients are from the file's integers, in steps, float32."""
    # libjpeg does not tell its coefficients before rounding; the integer model, equal to it, does.
    scaled = scaled_coefficients(pixels, jpeg.layout)
    return [
        np.abs(values.astype(np.float32) / (8 * table) - quantized)
        for values, table, quantized in zip(scaled, jpeg.tables, jpeg.coefficients, strict=True)
    ]
