"""What a generator sees of a part of a file."""

from dataclasses import replace
from math import ceil

import torch

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.models.conditioning import Conditions, conditions, in_units
from jpegx.sampling.tiling import Box


def window(jpeg: QuantizedJpeg, box: Box, device: torch.device) -> Conditions:
    """Conditions (one file) of a part of the image, the same numbers as in the whole image.

    Only the coefficients of the part are decoded, with one minimum coded unit around them for the
    up-sampling of the chroma.
    """
    layout = jpeg.layout
    unit_width, unit_height = layout.mcu_size
    top, bottom = max(0, box.top // unit_height - 1), ceil(box.bottom / unit_height) + 1
    left, right = max(0, box.left // unit_width - 1), ceil(box.right / unit_width) + 1
    outer = Box(
        top * unit_height,
        left * unit_width,
        min(bottom * unit_height, layout.height),
        min(right * unit_width, layout.width),
    )
    part = Layout(
        outer.right - outer.left, outer.bottom - outer.top, layout.color_space, layout.factors
    )
    values = [
        torch.tensor(c[top * v : bottom * v, left * h : right * h], device=device)[None]
        for c, (h, v) in zip(jpeg.coefficients, layout.factors, strict=True)
    ]
    tables = [torch.tensor(t, device=device) for t in jpeg.tables]
    whole = conditions(values, tables, part)
    inner = box.inside(outer)
    decoded = inner.of(whole.decoded).contiguous()
    height, width = decoded.shape[2:]
    components = in_units(whole.components[..., inner.top :, inner.left :], height, width)
    return replace(whole, decoded=decoded, components=components.contiguous())
