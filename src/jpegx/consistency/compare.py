"""Could this picture have been the source of that file? The answer of the real libjpeg."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.certificates import Causes, Certificates
from jpegx.consistency.measure import consistency_rmse
from jpegx.consistency.padded import encode_unclipped, plane_layout, whole_layout
from jpegx.consistency.units import UnitModel
from jpegx.errors import PictureMismatch
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.color import to_gray
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_model import scaled_coefficients
from jpegx.jpeg.mcu import regions
from jpegx.jpeg.reader import libjpeg

_UNITS = 1024  # units at a time


@dataclass(frozen=True)
class ComponentReport:
    """One component: coefficients that differ, of how many, and the largest distance.

    ``largest_distance``: of a coefficient before rounding from the file's integer, in quantization
    steps; below 0.5 is inside the cell, and 0.5 on the side of 0: libjpeg rounds halves away.
    """

    name: str
    different: int
    total: int
    largest_distance: float


@dataclass(frozen=True)
class VerifyReport:
    """All components, and the consistency RMSE of paper 1 (Eq. 1) in gray levels.

    ``causes``: the coefficients that differ, by whether any picture could be exact there.
    """

    components: tuple[ComponentReport, ...]
    consistency_rmse: float
    causes: Causes

    @property
    def exact(self) -> bool:
        """True if no coefficient differs: the picture could have been the source."""
        return all(component.different == 0 for component in self.components)


def verify(jpeg: QuantizedJpeg, pixels: np.ndarray, *, certify: bool = False) -> VerifyReport:
    """Encode a picture with libjpeg 6b as the file was encoded, and compare the coefficients.

    ``pixels``: uint8 (height, width, channels), 3 channels (RGB) or, for a gray file, also 1.
    ``certify``: look for proofs of impossibility with linear programming too, where there is none
    in closed form (needs SciPy).
    Raises PictureMismatch if the picture does not fit, UnsupportedJpeg for fractional sampling.
    """
    encoded = libjpeg.encode(pixels, jpeg.layout, jpeg.tables)
    distances = _distances(jpeg, pixels)
    components = tuple(
        ComponentReport(name, int((ours != theirs).sum()), int(theirs.size), distance)
        for name, ours, theirs, distance in zip(
            jpeg.layout.names, encoded, jpeg.coefficients, distances, strict=True
        )
    )
    file, picture, tables = (
        [torch.tensor(v) for v in values] for values in (jpeg.coefficients, encoded, jpeg.tables)
    )
    rmse = consistency_rmse(file, picture, tables, jpeg.layout)
    return VerifyReport(components, rmse, _causes(file, picture, tables, jpeg.layout, certify))


def verify_padded(
    jpeg: QuantizedJpeg, picture: PaddedPicture, *, certify: bool = False
) -> VerifyReport:
    """Compare a picture that holds what is beyond the edge, too, as :func:`verify` does.

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
            encoded.append(torch.tensor(libjpeg.encode(own, gray, table)[0]))
            largest += _distances(alone, own)
            causes += _causes([file[c]], [encoded[c]], [tables[c]], gray, certify)
    components = tuple(
        ComponentReport(name, int((ours != theirs).sum()), theirs.numel(), distance)
        for name, ours, theirs, distance in zip(layout.names, encoded, file, largest, strict=True)
    )
    return VerifyReport(components, consistency_rmse(file, encoded, tables, layout), causes)


def _causes(
    file: list[Tensor], picture: list[Tensor], tables: list[Tensor], layout: Layout, certify: bool
) -> Causes:
    causes = Causes()
    theirs, ours = ([c.flatten(-2)[None] for c in grids] for grids in (file, picture))
    for region in regions(layout):
        model = UnitModel(region, tables, torch.device("cpu"))
        certificates = Certificates(model, certify=certify)
        for strip in region.strips(_UNITS):
            wanted = model.cell(strip, theirs).quantized
            different = (model.cell(strip, ours).quantized != wanted).sum(dim=1)
            bad = different > 0
            if bad.any():
                causes += Causes.count(certificates.causes(wanted[bad]), different[bad])
    return causes


def _distances(jpeg: QuantizedJpeg, pixels: np.ndarray) -> list[float]:
    # libjpeg does not tell its coefficients before rounding; the integer model, equal to it, does.
    image = torch.tensor(pixels).permute(2, 0, 1)[None]
    if jpeg.layout.color_space == "gray" and image.shape[1] == 3:
        image = to_gray(image)
    return [
        float((values[0] / (8 * torch.tensor(table)) - torch.tensor(quantized)).abs().max())
        for values, table, quantized in zip(
            scaled_coefficients(image, jpeg.layout), jpeg.tables, jpeg.coefficients, strict=True
        )
    ]
