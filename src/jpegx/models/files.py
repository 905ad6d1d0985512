"""The files that a network is given: batches of one picture size, each of a layout of its own."""

from collections.abc import Sequence
from math import log2

import torch
from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import COMPONENT_NAMES, Layout

Files = Sequence[JpegBatch]

TABLE_FEATURES = 3 * 64 + 9  # steps of three components; their reductions, the colour space


def count(files: Files) -> int:
    """How many files there are in all batches, N."""
    return sum(map(len, files))


def select(files: Files, some: slice) -> list[JpegBatch]:
    """Some of the files, ``some.start`` to ``some.stop`` of all."""
    chosen, first = [], 0
    for batch in files:
        start, stop = max(some.start - first, 0), min(some.stop - first, len(batch))
        if start < stop:
            chosen.append(batch.select(slice(start, stop)))
        first += len(batch)
    return chosen


def repeat(files: Files, times: int) -> list[JpegBatch]:
    """Each file so many times, one after the other."""
    return [batch.repeat(times) for batch in files]


def decoded_rgb(files: Files) -> Tensor:
    """The decoded images, float32 (N, 3, H, W), gray levels / 255; gray ones three times."""
    return joined([_tripled(batch.decoded() / 255) for batch in files])


def table_features(files: Files) -> Tensor:
    """What tells a network the tables and the sampling, float32 (N, ``TABLE_FEATURES``).

    Quality spans steps of 1 to 255 (16-bit tables: 65535): their logarithm, -1 to 1 (3). Then log2
    of the reduction of each component, across and down, and which of gray, ycbcr, rgb it is.
    """
    return joined([_table_features(batch) for batch in files])


def _table_features(batch: JpegBatch) -> Tensor:
    steps = torch.stack([t.to(torch.float32).flatten(1) for t in batch.tables], dim=1)
    told = _tripled(steps).clamp(min=1).log2().div(4).sub(1).flatten(1)
    layout = torch.tensor(_layout_features(batch.layout), device=batch.device)
    return torch.cat([told, layout.expand(len(batch), -1)], dim=1)


def _layout_features(layout: Layout) -> list[float]:
    across, down = layout.max_factors
    ratios = [r for h, v in layout.factors for r in (log2(across / h), log2(down / v))]
    spaces = [float(layout.color_space == name) for name in COMPONENT_NAMES]
    return (ratios if len(ratios) == 6 else ratios * 3) + spaces


def joined(parts: Sequence[Tensor]) -> Tensor:
    """One tensor of those of each batch."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _tripled(values: Tensor) -> Tensor:
    """One component or channel (dimension 1) three times; three stay as they are."""
    return values if values.shape[1] == 3 else values.expand(-1, 3, *values.shape[2:]).contiguous()
