"""Real-valued images of a file made into pictures, each with how consistent it is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.compare_padded import verify_levels, verify_padded
from jpegx.consistency.recompress import Recompressed, recompress
from jpegx.consistency.region_solver import Searching
from jpegx.io.formats import LEVELS, Form
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.eight_bit import EightBit


@dataclass(frozen=True)
class Picture:
    """One picture of a file, and how consistent it is.

    ``pixels``: uint8 or uint16 (height, width, channels), 1 channel for a gray file, else 3 (RGB).
    ``padded``: what the forms "ycbcr" and "float" hold, to which the figures then belong.
    ``index``: number of the sample, 0 for the mean. ``different`` of ``total`` coefficients
    re-encode to another integer than the file's; 0 is exact. ``rmse_added``: gray levels between
    the pixels and the plain projection of Eq. 11 (Man et al. 2022), and ``causes`` what keeps the
    coefficients that differ from the file's; both None if not projected. ``consistency_rmse``:
    Eq. 1, gray levels.
    """

    pixels: np.ndarray
    kind: Literal["sample", "mean"]
    index: int
    different: int
    total: int
    rmse_added: float | None
    consistency_rmse: float
    causes: Causes | None
    padded: PaddedPicture | None = None


class Finisher:
    """Makes real-valued images of a file into pictures, and says how consistent they are.

    ``searching``: as of :class:`jpegx.consistency.exact.Projector`. Raises UnsupportedJpeg for
    fractional sampling.
    """

    def __init__(
        self,
        jpeg: QuantizedJpeg,
        project: bool,
        form: Form,
        device: torch.device,
        searching: Searching | None = None,
    ) -> None:
        jpeg.layout.refuse_fractional()
        self._jpeg = jpeg
        self._file = EightBit(jpeg, device)
        self._project = project
        self._form = form
        self._searching = searching
        self._total = sum(c.numel() for c in self._file.coefficients)

    def finish(
        self, image: Tensor, kind: Literal["sample", "mean"], index: int
    ) -> tuple[Tensor, Picture]:
        """What is shown, gray levels (C, H, W), and the picture of an image of real numbers."""
        rmse_added = causes = padded = None
        if self._form == "16-bit":
            return self._deep(image, kind, index)
        if self._form != "8-bit":
            pixels = self._file.rounded(image)
            is_real = self._form == "float"
            padded = self._file.unclipped(image) if is_real else self._file.planes(image)
            report = verify_padded(self._jpeg, padded)
            causes, rmse = report.causes, report.consistency_rmse
            different = causes.total
        elif self._project:
            result = self._file.projected(image, self._searching)
            pixels, different, rmse_added = result.pixels, result.different, result.rmse_added
            causes = result.causes
            rmse = self._compare(pixels).rmse if different else 0.0
        else:
            pixels = self._file.rounded(image)
            again = self._compare(pixels)
            different, rmse = sum(again.different), again.rmse
        pixels = pixels.cpu()
        shown = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
        return pixels, Picture(
            shown, kind, index, different, self._total, rmse_added, rmse, causes, padded
        )

    def _deep(
        self, image: Tensor, kind: Literal["sample", "mean"], index: int
    ) -> tuple[Tensor, Picture]:
        deep = self._file.deep(image).cpu()
        levels = deep.float().div_(LEVELS)
        report = verify_levels(self._jpeg, levels.permute(1, 2, 0).double().numpy())
        pixels = np.ascontiguousarray(deep.permute(1, 2, 0).numpy().astype(np.uint16))
        different = report.causes.total
        rmse, causes = report.consistency_rmse, report.causes
        return levels, Picture(pixels, kind, index, different, self._total, None, rmse, causes)

    def _compare(self, pixels: Tensor) -> Recompressed:
        picture = np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())
        return recompress(self._jpeg, picture)
