"""Pictures that hold what is beyond the edge of a file's picture, held against the file."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.certificates import find_causes
from jpegx.consistency.compare import VerifyReport, component_reports, largest_distances
from jpegx.consistency.measure import consistency_rmse
from jpegx.consistency.padded import encode_unclipped, plane_layout, whole_layout
from jpegx.consistency.recompress import recompress
from jpegx.errors import PictureMismatch
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.file import QuantizedJpeg


def verify_padded(
    jpeg: QuantizedJpeg, picture: PaddedPicture, *, certify: bool = False
) -> VerifyReport:
    """Compare a picture that holds what is beyond the edge, too, as ``verify`` does.

    Planes of 8 bits are encoded with libjpeg 6b, each as the gray picture that it is, real-valued
    RGB by the real-valued forward model: there a coefficient differs that is outside its cell.
    Raises PictureMismatch if the picture is of another kind than the file.
    """
    layout = jpeg.layout
    is_real = picture.planes[0].dtype != np.uint8
    space = "rgb" if is_real and layout.color_space == "ycbcr" else layout.color_space
    reductions = {layout.reduction(c) for c in range(1, len(layout.factors))}
    if picture.space != space or not (is_real or reductions <= {picture.reduction}):
        raise PictureMismatch("the picture has other colours or another sampling than the file")
    file = [torch.tensor(c) for c in jpeg.coefficients]
    tables = [torch.tensor(t) for t in jpeg.tables]
    encoded: list[Tensor] = []
    largest: list[float] = []
    causes = Causes()
    if is_real:
        whole = whole_layout(layout)
        planes = [torch.tensor(p[: whole.height, : whole.width]) for p in picture.planes]
        encoded, distances = encode_unclipped(torch.stack(planes), file, tables, layout)
        largest = [float(d.max()) for d in distances]
        missed = sum(int((a != b).sum()) for a, b in zip(encoded, file, strict=True))
        causes = Causes(search=missed)
    else:
        for c, plane in enumerate(picture.planes):
            rows, columns = layout.blocks(c)
            own = np.ascontiguousarray(plane[: 8 * rows, : 8 * columns, None])
            gray, table = plane_layout(own.shape), (jpeg.tables[c],)
            alone = replace(jpeg, layout=gray, coefficients=(jpeg.coefficients[c],), tables=table)
            again = recompress(alone, own)
            encoded.append(torch.tensor(again.coefficients[0]))
            largest += largest_distances(alone, own)
            causes += find_causes(alone, again.coefficients, certify=certify)
    different = [int((ours != theirs).sum()) for ours, theirs in zip(encoded, file, strict=True)]
    components = component_reports(jpeg, different, largest)
    return VerifyReport(components, consistency_rmse(file, encoded, tables, layout), causes)
