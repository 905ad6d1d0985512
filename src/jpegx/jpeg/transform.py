"""The forward model of JPEG on real numbers: differentiable, batched, on any device; and back."""

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.color import to_components, to_pixels
from jpegx.jpeg.dct import dct_matrix
from jpegx.jpeg.layout import Layout


def encode_dct(images: Tensor, layout: Layout) -> list[Tensor]:
    """DCT coefficients before quantization, of images (N, C, H, W) in gray levels 0 to 255.

    Colour conversion, down-sampling, edge replication and block DCT (Man et al. 2022, section 3.1,
    with the sampling of real files). Returns one (N, block rows, block columns, 8, 8) per component
    in the type of ``images``, natural order, in the units of the quantization steps.
    Differentiable. Raises ValueError for a fractional sampling ratio.
    """
    components = to_components(images, layout)
    return [block_dct(_samples(components, layout, c)) for c in range(len(layout.factors))]


def _samples(components: Tensor, layout: Layout, component: int) -> Tensor:
    """The plane (N, 8 rows, 8 columns) of a component of (N, C, H, W), down-sampled and padded.

    As libjpeg does it: columns are repeated before the means are taken, rows before as far as the
    last of the largest sampling factor's, and means after that.
    """
    across, down = layout.reduction(component)
    rows, columns = layout.blocks(component)
    plane = components[:, component, None]
    right, bottom = 8 * columns * across - layout.width, -layout.height % layout.max_factors[1]
    if right or bottom:
        plane = F.pad(plane, (0, right, 0, bottom), mode="replicate")
    plane = square_means(plane, down, across)
    missing = 8 * rows - plane.shape[2]
    if missing > 0:
        plane = F.pad(plane, (0, 0, 0, missing), mode="replicate")
    return plane[:, 0, : 8 * rows]


def square_means(values: Tensor, down: int, across: int) -> Tensor:
    """Means over rectangles of so many positions: (..., h, w) of (..., down h, across w).

    Rows first, which PyTorch adds fast. Differentiable.
    """
    rows: Tensor = reduce(torch.add, values.unflatten(-2, (-1, down)).unbind(-2))
    columns: Tensor = reduce(torch.add, rows.unflatten(-1, (-1, across)).unbind(-1))
    return columns / (down * across) if down * across > 1 else columns


def normalize(values: Sequence[Tensor], tables: Sequence[Tensor]) -> list[Tensor]:
    """Coefficients divided by their steps (X^Q): (N, rows, columns, 8, 8) per component.

    ``tables``: (8, 8) or, one per image, (N, 8, 8) for each component.
    """
    return [v / _steps(t, v) for v, t in zip(values, tables, strict=True)]


def dequantize(values: Sequence[Tensor], tables: Sequence[Tensor]) -> list[Tensor]:
    """Normalized or quantized coefficients times their steps: the inverse of :func:`normalize`."""
    return [v * _steps(t, v) for v, t in zip(values, tables, strict=True)]


def _steps(table: Tensor, values: Tensor) -> Tensor:
    table = table.to(device=values.device, dtype=values.dtype)
    return table[:, None, None] if table.dim() == 3 else table


def round_straight_through(values: Tensor) -> Tensor:
    """Nearest integers whose gradient is that of the identity (Man et al. 2022, section 4.2)."""
    return values + (values.round() - values).detach()


def planes(values: Sequence[Tensor]) -> list[Tensor]:
    """Component planes at their own resolution, (N, 8 rows, 8 columns), centred on 0.

    ``values``: dequantized coefficients as :func:`encode_dct` returns them.
    """
    out = []
    for grid in values:
        matrix = dct_matrix(grid.device, grid.dtype)
        blocks = (grid.flatten(-2) @ matrix).unflatten(-1, (8, 8))
        count, rows, columns = blocks.shape[:3]
        out.append(blocks.permute(0, 1, 3, 2, 4).reshape(count, 8 * rows, 8 * columns))
    return out


def block_dct(values: Tensor) -> Tensor:
    """DCT coefficients (N, rows, columns, 8, 8) of a plane (N, 8 rows, 8 columns), centred on 0.

    The inverse of :func:`planes`.
    """
    count, height, width = values.shape
    blocks = values.reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3).flatten(3)
    grid = blocks @ dct_matrix(values.device, values.dtype).T
    return grid.view(*grid.shape[:3], 8, 8)


def repeated(values: Sequence[Tensor], layout: Layout) -> list[Tensor]:
    """Planes, as :func:`planes` returns them, with samples of the down-sampled ones repeated.

    (N, height, width) per component, each at least of the size of the image. At whole ratios, to
    down-sample gives back the planes.
    """
    across, down = layout.max_factors
    full = []
    for plane, (h, v) in zip(values, layout.factors, strict=True):
        size = (plane.shape[1] * down // v, plane.shape[2] * across // h)
        full.append(F.interpolate(plane[:, None], size=size, mode="nearest")[:, 0])
    return full


def decode_dct(values: Sequence[Tensor], layout: Layout) -> Tensor:
    """Decoded images (N, C, H, W) in gray levels, neither rounded nor clipped.

    Inverse DCT, smooth (bilinear, centred) up-sampling of the chroma, colour conversion.
    ``values``: dequantized coefficients as :func:`encode_dct` returns them. Differentiable.
    """
    return images_of_planes(planes(values), layout)


def images_of_planes(values: Sequence[Tensor], layout: Layout) -> Tensor:
    """What :func:`decode_dct` gives, of planes as :func:`planes` returns them."""
    across, down = layout.max_factors
    full = []
    for plane, (h, v) in zip(values, layout.factors, strict=True):
        # Samples past the edge are padding of the encoder: they must not blend into the picture.
        real = plane[:, None, : -(-layout.height * v // down), : -(-layout.width * h // across)]
        if (h, v) != (across, down):
            size = (real.shape[2] * down // v, real.shape[3] * across // h)
            real = F.interpolate(real, size=size, mode="bilinear", align_corners=False)
        full.append(real[:, :, : layout.height, : layout.width])
    return to_pixels(torch.cat(full, dim=1), layout)
