"""The JPEG loss: coefficients outside their cells (Guo and Chao 2017, Eq. 6)."""

from collections.abc import Sequence

from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.transform import encode_dct


def jpeg_loss(images: Tensor, files: Sequence[JpegBatch]) -> Tensor:
    """Eq. 6 of Guo and Chao: squared distance from the cell's middle, less that of its walls.

    0 for coefficients within their cells. The mean over those of all components, each at its own
    sampling, as a scalar; coefficients and steps divided by 255. ``images``: (N, 3, H, W), 0 to 1,
    those of the first file first. A gray file sees the mean of the channels. Raises ValueError for
    a fractional sampling ratio.
    """
    total = images.new_zeros(())
    values = 0
    for file, part in zip(files, images.split([len(file) for file in files]), strict=True):
        seen = part.mean(dim=1, keepdim=True) if file.layout.channels == 1 else part
        grids = encode_dct(seen * 255, file.layout)
        for grid, walls in zip(grids, file.cell(), strict=True):
            excess = (grid - walls.centre).square() - walls.half.square()
            total = total + excess.clamp(min=0).sum()
            values += grid.numel()
    return total / (values * 255**2)
