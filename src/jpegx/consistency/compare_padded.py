"""Pictures of real numbers, or with what is beyond the edge, held against a file."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.compare import VerifyReport, component_reports, distances
from jpegx.consistency.count_causes import find_causes
from jpegx.consistency.measure import consistency_rmse
from jpegx.consistency.padded import encode_unclipped, extended, plane_layout, whole_layout
from jpegx.consistency.recompress import recompress
from jpegx.errors import PictureMismatch
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.color import luma
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout


def verify_padded(
    jpeg: QuantizedJpeg, picture: PaddedPicture, *, certify: bool = False, slack: float = 0.0
) -> VerifyReport:
    """Compare a picture that holds what is beyond the edge, too, as ``verify`` does.

    Planes of 8 bits are encoded with libjpeg 6b, each as the gray picture that it is, real-valued
    RGB by the real-valued forward model: there a coefficient differs that is outside its cell.
    Raises PictureMismatch if the picture is of another kind than the file, UnsupportedJpeg for
    fractional sampling.
    """
    layout = jpeg.layout
    layout.refuse_fractional()
    is_real = picture.planes[0].dtype != np.uint8
    space = "rgb" if is_real and layout.color_space == "ycbcr" else layout.color_space
    reductions = {layout.reduction(c) for c in range(1, len(layout.factors))}
    if picture.space != space or not (is_real or reductions <= {picture.reduction}):
        raise PictureMismatch("the picture has other colours or another sampling than the file")
    if is_real:
        whole = whole_layout(layout)
        planes = [torch.tensor(p[: whole.height, : whole.width]) for p in picture.planes]
        return _verify_real(jpeg, torch.stack(planes), slack)
    encoded: list[Tensor] = []
    away: list[np.ndarray] = []
    causes = Causes()
    for c, plane in enumerate(picture.planes):
        rows, columns = layout.blocks(c)
        own = np.ascontiguousarray(plane[: 8 * rows, : 8 * columns, None])
        gray, table = plane_layout(own.shape), (jpeg.tables[c],)
        alone = replace(jpeg, layout=gray, coefficients=(jpeg.coefficients[c],), tables=table)
        again = recompress(alone, own)
        encoded.append(torch.tensor(again.coefficients[0]))
        away += distances(alone, own)
        causes += find_causes(alone, again.coefficients, certify=certify)
    return _report(jpeg, encoded, away, causes, slack)


def verify_levels(jpeg: QuantizedJpeg, levels: np.ndarray, *, slack: float = 0.0) -> VerifyReport:
    """Compare a picture of real numbers that ends at its edge, by the real-valued forward model.

    ``levels``: (height, width, channels) in gray levels, the channels of the file, or 3 for a gray
    one. Its last pixels are repeated beyond the edge. Raises PictureMismatch if it does not fit,
    UnsupportedJpeg for fractional sampling.
    """
    jpeg.layout.refuse_fractional()
    return _verify_real(jpeg, extended(_fitting(levels, jpeg.layout), jpeg.layout), slack)


def _fitting(levels: np.ndarray, layout: Layout) -> Tensor:
    if levels.shape[:2] != (layout.height, layout.width) or levels.shape[2:] not in ((1,), (3,)):
        raise PictureMismatch(
            f"a picture of shape {levels.shape}; the JPEG file has {layout.height} rows and "
            f"{layout.width} columns"
        )
    image = torch.tensor(levels, dtype=torch.float64).permute(2, 0, 1)
    if image.shape[0] > layout.channels:
        return luma(image[None])[0]
    return image.expand(layout.channels, -1, -1)


def _verify_real(jpeg: QuantizedJpeg, whole: Tensor, slack: float) -> VerifyReport:
    file, tables = _tensors(jpeg)
    encoded, real = encode_unclipped(whole, file, tables, jpeg.layout)
    missed = sum(int((a != b).sum()) for a, b in zip(encoded, file, strict=True))
    away = [far.numpy() for far in real]
    return _report(jpeg, encoded, away, Causes(search=missed), slack)


def _report(
    jpeg: QuantizedJpeg,
    encoded: list[Tensor],
    away: list[np.ndarray],
    causes: Causes,
    slack: float,
) -> VerifyReport:
    file, tables = _tensors(jpeg)
    different = [int((ours != theirs).sum()) for ours, theirs in zip(encoded, file, strict=True)]
    components = component_reports(jpeg, different, away, slack)
    rmse = consistency_rmse(file, encoded, tables, jpeg.layout)
    return VerifyReport(components, rmse, causes, slack)


def _tensors(jpeg: QuantizedJpeg) -> tuple[list[Tensor], list[Tensor]]:
    return [torch.tensor(c) for c in jpeg.coefficients], [torch.tensor(t) for t in jpeg.tables]
