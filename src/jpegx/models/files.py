"""The files that a network is given: batches of one picture size, each of a layout of its own."""

from collections.abc import Sequence
from functools import cache
from math import log2

import numpy as np
import torch
from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import COMPONENT_NAMES, Layout
from jpegx.jpeg.tables import scaled_tables

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


def decoded_rgb(files: Files) -> Tensor:
    """The decoded images, float32 (N, 3, H, W), gray levels / 255; gray ones three times."""
    return joined([_tripled(batch.decoded() / 255) for batch in files])


def table_features(files: Files) -> Tensor:
    """What tells a network the tables and the sampling, float32 (N, ``TABLE_FEATURES``).

    The logarithm of the steps, -1 to 1, not of the file's tables themselves but of those of the IJG
    quality that is nearest to them: of other tables, which hardly any training sees, networks make
    noise. Then log2 of the reduction of each component, across and down, and which of gray, ycbcr,
    rgb it is.
    """
    return joined([_table_features(batch) for batch in files])


def _table_features(batch: JpegBatch) -> Tensor:
    steps = torch.stack([t.to(torch.float32).flatten(1) for t in batch.tables], dim=1)
    told = _tripled(_nearest_of_ijg(steps)).div(4).sub(1).flatten(1)
    layout = torch.tensor(_layout_features(batch.layout), device=batch.device)
    return torch.cat([told, layout.expand(len(batch), -1)], dim=1)


def _nearest_of_ijg(steps: Tensor) -> Tensor:
    """log2 of the IJG's steps at the quality nearest to those (N, components, 64) of the files.

    Nearest for all components together, by the mean absolute log2 ratio of the steps, each
    weighted by 1 / (1 + its frequencies): no training sees a fine luma beside a coarse chroma.
    """
    tables, weights = _ijg_tables(steps.device)
    tables = tables[:, [min(component, 1) for component in range(steps.shape[1])]]
    told = steps.clamp(min=1).log2()
    distances = ((told[:, None] - tables).abs() * weights).sum(dim=(2, 3))
    return tables[distances.argmin(dim=1)]


@cache
def _ijg_tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """log2 of the steps (quality - 1, luma and chroma, 64), and weights of the frequencies (64)."""
    pairs = np.stack([np.stack(scaled_tables(quality)) for quality in range(1, 101)])
    tables = torch.from_numpy(pairs).to(device, torch.float32).flatten(2).log2()
    frequency = torch.arange(8, device=device)
    return tables, 1 / (1 + frequency[:, None] + frequency).flatten()


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
