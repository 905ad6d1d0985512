"""JPEG files as other encoders than libjpeg make them, from samples of their own."""

import numpy as np
import torch

from jpegx.jpeg.dct import islow
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.libjpeg_model import quantize


def from_planes(planes: list[np.ndarray], layout: Layout, steps: list[np.ndarray]) -> QuantizedJpeg:
    """What an encoder makes of samples, padding included: 8 times the blocks of each component."""
    grids = []
    for c, (plane, table) in enumerate(zip(planes, steps, strict=True)):
        rows, columns = layout.blocks(c)
        assert plane.shape == (8 * rows, 8 * columns)
        blocks = torch.tensor(plane).float().view(rows, 8, columns, 8).transpose(1, 2)
        scaled = islow(blocks.reshape(-1, 64) - 128)
        values = quantize(scaled, torch.tensor(table).reshape(64)).view(rows, columns, 8, 8)
        grids.append(values.short().numpy())
    return QuantizedJpeg(layout, tuple(grids), tuple(steps), "baseline")
