"""How much of each frequency a picture holds (Ehrlich et al. 2020, B.4)."""

import torch
from torch import Tensor

from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_model import encode
from jpegx.metrics.psnr import luma

FREQUENCIES = 15  # horizontal plus vertical, 0 to 14


def nonzero_share(image: Tensor) -> list[float]:
    """Share (0 to 1) of the luma DCT coefficients that are not zero, by frequency: 15 of them.

    Ehrlich et al. 2020, B.4, Fig. 7: of the 15 sums of horizontal and vertical frequency in a
    block, the probability that a coefficient is set. Coefficients are rounded to whole numbers by
    libjpeg's integer DCT with steps of 1, on the 8x8 grid that starts at the top left: what a file
    of quality 100 would hold. ``image``: (1 or 3, H, W), whole numbers from 0 to 255.
    """
    gray = luma(image)[None]
    layout = Layout(gray.shape[3], gray.shape[2], "gray", ((1, 1),))
    grid = encode(gray, layout, [torch.ones(8, 8, dtype=torch.int32)])[0]
    shares = (grid != 0).double().mean(dim=(0, 1, 2))
    side = torch.arange(8)
    diagonal = (side[:, None] + side).flatten()
    total = torch.zeros(FREQUENCIES, dtype=torch.float64).index_add_(0, diagonal, shares.flatten())
    shares_by_frequency: list[float] = (total / torch.bincount(diagonal)).tolist()
    return shares_by_frequency
