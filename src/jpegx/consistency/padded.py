"""Pictures that hold all that a file holds, where no 8-bit RGB picture can: see guide "exactness".

Planes of 8 bits in the file's own colours and sampling, or real-valued RGB that is not clipped;
both with what lies beyond the edge. Each block is then one of its own, and all of its samples are
free.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.consistency.cell import Cell
from jpegx.consistency.exact import Projector
from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import encode_dct, planes, repeated

_INSIDE = 0.01  # DCT units inside the cell, for the rounding of 32-bit numbers


def project_planes(
    image: Tensor, coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> list[Tensor]:
    """8-bit planes, (8 block rows, 8 block columns) per component, with the file's coefficients.

    ``image``: (C, H, W) in gray levels, near which they are.
    """
    near = planes(encode_dct(image[None], layout))
    found = []
    for plane, values, table in zip(near, coefficients, tables, strict=True):
        own = plane_layout(plane.shape[1:])
        found.append(Projector([values], [table], own)(plane + 128).pixels[0])
    return found


def plane_layout(shape: Sequence[int]) -> Layout:
    """The layout of a component as a gray picture of its own."""
    return Layout(shape[1], shape[0], "gray", ((1, 1),))


def whole_layout(layout: Layout) -> Layout:
    """The layout of a picture that ends where its last minimum coded units do."""
    (rows, columns), (width, height) = layout.mcu_grid, layout.mcu_size
    return Layout(columns * width, rows * height, layout.color_space, layout.factors)


def extended(image: Tensor, layout: Layout) -> Tensor:
    """An image (C, H, W) as large as ``whole_layout``: its last pixels repeated beyond the edge."""
    whole = whole_layout(layout)
    margin = (0, whole.width - layout.width, 0, whole.height - layout.height)
    return F.pad(image[None], margin, mode="replicate")[0]


def project_unclipped(
    image: Tensor,
    coefficients: Sequence[Tensor],
    tables: Sequence[Tensor],
    layout: Layout,
    margin: float = _INSIDE,
) -> Tensor:
    """The plain projection of an image (Eq. 11 of Man et al. 2022), neither rounded nor clipped.

    ``margin``: how far inside the cell, DCT units; a quarter of the step at most.
    Returns float32 (C, H', W') in gray levels, as large as ``whole_layout``.
    """
    padded = extended(image.double(), layout)[None]
    whole = whole_layout(layout)
    changes = []
    for now, values, table in zip(encode_dct(padded, whole), coefficients, tables, strict=True):
        rows, columns = values.shape[:2]
        held = now[0, :rows, :columns]
        cell = Cell(values.double(), table.double())
        change = torch.zeros_like(now)
        inside = table.double().div(4).clamp(max=margin)
        change[0, :rows, :columns] = cell.clamp(held, inside) - held
        changes.append(change)
    full = torch.stack(repeated(planes(changes), whole), dim=1)
    return padded.add(change_in_pixels(full, whole))[0].float()


def encode_unclipped(
    image: Tensor, coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> tuple[list[Tensor], list[Tensor]]:
    """What a real-valued picture, as :func:`project_unclipped` gives it, is encoded to.

    Returns the integers, and how far each coefficient is from the file's, in steps. On the wall of
    a cell both sides belong to it: then the file's own integer is given.
    """
    integers, distances = [], []
    whole = whole_layout(layout)
    for now, values, table in zip(
        encode_dct(image[None].double(), whole), coefficients, tables, strict=True
    ):
        rows, columns = values.shape[:2]
        scaled = now[0, :rows, :columns] / table
        distance = (scaled - values).abs()
        integers.append(
            torch.where(distance <= 0.5, values.double(), scaled.round()).to(torch.int16)
        )
        distances.append(distance)
    return integers, distances
