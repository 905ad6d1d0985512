"""How far a written picture is from consistent with the file, by the real libjpeg."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.measure import consistency_rmse
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg


@dataclass(frozen=True)
class Agreement:
    """What is left of a file after a picture is encoded again as the file was.

    ``rmse``: consistency RMSE of Man et al. 2022, Eq. 1, gray levels. ``outside``: share (0 to 1)
    of the coefficients that come out as another integer than the file's, that is, lie outside their
    cell.
    """

    rmse: float
    outside: float


def agreement(image: Tensor, jpeg: QuantizedJpeg) -> Agreement:
    """Both measures of consistency from one encoding by libjpeg 6b.

    ``image``: (C, H, W), whole numbers from 0 to 255; a gray file also takes RGB.
    Raises PictureMismatch if the picture does not fit, UnsupportedJpeg for fractional sampling.
    """
    pixels = image.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    encoded = libjpeg.encode(pixels, jpeg.layout, jpeg.tables)
    different = sum(
        int(np.count_nonzero(ours != theirs))
        for ours, theirs in zip(encoded, jpeg.coefficients, strict=True)
    )
    file, picture, tables = (
        [torch.tensor(v) for v in values] for values in (jpeg.coefficients, encoded, jpeg.tables)
    )
    rmse = consistency_rmse(file, picture, tables, jpeg.layout)
    return Agreement(rmse, different / sum(c.size for c in jpeg.coefficients))
