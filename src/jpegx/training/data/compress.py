"""Patches compressed as libjpeg does it, whole groups at once, on the device that trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jpegx.jpeg import libjpeg_model
from jpegx.jpeg.color import to_gray
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.training.data.patches import SAMPLINGS, Group


@dataclass(frozen=True)
class Batch:
    """Targets (N, 3, H, W), 0 to 1, channels_last; their JPEG files, a batch for each group."""

    targets: Tensor
    files: tuple[JpegBatch, ...]


def compress(groups: Sequence[Group], device: torch.device) -> Batch:
    """Groups of patches as one batch, compressed on the device.

    The coefficients are those of libjpeg (``jpeg.libjpeg_model``). Patches of a gray group become
    gray first, with libjpeg's own luma, so the target has the three channels equal.
    """
    targets, files = [], []
    for group in groups:
        pixels = group.patches.to(device, non_blocking=True)
        size = (pixels.shape[3], pixels.shape[2])
        layout = layout_of(group.sampling, size)
        if layout.channels == 1:
            pixels = to_gray(pixels).to(torch.uint8)
        both = group.tables.to(device, non_blocking=True)
        tables = [both[:, min(c, 1)] for c in range(len(layout.factors))]
        grids = libjpeg_model.encode(pixels, layout, tables)
        files.append(JpegBatch(layout, tuple(grids), tuple(tables)))
        targets.append(pixels.expand(-1, 3, -1, -1))
    pictures = torch.cat(targets).float().div_(255)
    return Batch(pictures.contiguous(memory_format=torch.channels_last), tuple(files))


def layout_of(sampling: str, size: tuple[int, int]) -> Layout:
    """The layout of an image of a size (width, height) with a sampling out of ``SAMPLINGS``."""
    factors = SAMPLINGS[sampling]
    return Layout(*size, "gray" if sampling == "gray" else "ycbcr", factors)
