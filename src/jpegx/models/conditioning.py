"""What a generator sees of the files: their decoded images, quantization tables and sampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import torch
from torch import Tensor

from jpegx.jpeg.forward import dequantize, images
from jpegx.jpeg.layout import COMPONENT_NAMES, ColorSpace, Layout

SAMPLING_FEATURES = 9  # three components, two directions; then one of three colour spaces


@dataclass(frozen=True)
class Conditions:
    """What a generator sees of N files of equal size.

    ``decoded``: float32 (N, 3, H, W), the dequantized image in gray levels / 255, neither rounded
    nor clipped; a gray image three times. ``tables``: float32 (N, 3, 64), the quantization steps of
    each component in natural order; a gray file's table three times. ``sampling``: float32 (N, 9),
    log2 of the reduction of each component (horizontal, vertical), and which of gray, ycbcr, rgb.
    """

    decoded: Tensor
    tables: Tensor
    sampling: Tensor

    def __len__(self) -> int:
        """The number of files N."""
        return len(self.decoded)

    def to(self, device: torch.device) -> "Conditions":
        """The same on another device."""
        return Conditions(self.decoded.to(device), self.tables.to(device), self.sampling.to(device))


def conditions(
    coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> Conditions:
    """Conditions of N files of one layout, on the device of the coefficients.

    ``coefficients``: quantized, any number type, (N, block rows, block columns, 8, 8) per
    component. ``tables``: per component (8, 8) or, one per file, (N, 8, 8).
    """
    count, device = len(coefficients[0]), coefficients[0].device
    values = dequantize([c.to(torch.float32) for c in coefficients], tables)
    decoded = images(values, layout) / 255
    steps = torch.stack([_rows(t, count).to(device) for t in tables], dim=1)
    features = torch.tensor(sampling_features(layout), device=device).expand(count, -1)
    return Conditions(_tripled(decoded), _tripled(steps), features)


def join(parts: Sequence[Conditions]) -> Conditions:
    """One batch of conditions of equal size, whatever their sampling and colour space."""
    return Conditions(
        torch.cat([p.decoded for p in parts]),
        torch.cat([p.tables for p in parts]),
        torch.cat([p.sampling for p in parts]),
    )


def sampling_features(layout: Layout) -> list[float]:
    """The 9 numbers that tell a generator the sampling factors and the colour space."""
    across, down = layout.max_factors
    ratios = [r for h, v in layout.factors for r in (log2(across / h), log2(down / v))]
    spaces = [float(layout.color_space == name) for name in COMPONENT_NAMES]
    return (ratios if len(ratios) == 6 else ratios * 3) + spaces


def sampling_of(features: Sequence[float]) -> tuple[ColorSpace, list[tuple[float, float]]]:
    """What :func:`sampling_features` told: the colour space, and the reductions, as log2.

    One pair (horizontal, vertical) per component.
    """
    space = tuple(COMPONENT_NAMES)[list(features[6:]).index(1.0)]
    count = len(COMPONENT_NAMES[space])
    return space, [(features[2 * c], features[2 * c + 1]) for c in range(count)]


def _rows(table: Tensor, count: int) -> Tensor:
    return table.to(torch.float32).reshape(-1, 64).expand(count, 64)


def _tripled(values: Tensor) -> Tensor:
    """One component or channel (dimension 1) three times; three stay as they are."""
    return values if values.shape[1] == 3 else values.expand(-1, 3, *values.shape[2:]).contiguous()
