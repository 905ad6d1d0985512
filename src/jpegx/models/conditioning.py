"""What a generator sees of the files: decoded images, components, tables and sampling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import ceil, log2

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.jpeg.layout import COMPONENT_NAMES, ColorSpace, Layout
from jpegx.jpeg.transform import dequantize, images_of_planes, planes, repeated

UNIT = 32  # pixels: the most that a minimum coded unit with ratios of 1, 2 and 4 spans each way
SAMPLING_FEATURES = 9  # three components, two directions; then one of three colour spaces


@dataclass(frozen=True)
class Conditions:
    """What a generator sees of N files of equal size.

    ``decoded``: float32 (N, 3, H, W), the dequantized image in gray levels / 255, neither rounded
    nor clipped; a gray image three times. ``components``: float32 (N, 3, H', W'), the components of
    the file in gray levels, centred on 0, samples of those that are down-sampled repeated, with the
    padding that the file holds past its edges: H' and W' are H and W rounded up to multiples of
    :data:`UNIT`. ``tables``: float32 (N, 3, 64), the quantization steps of
    each component in natural order; a gray file's table three times. ``sampling``: float32 (N, 9),
    log2 of the reduction of each component (horizontal, vertical), and which of gray, ycbcr, rgb.
    """

    decoded: Tensor
    components: Tensor
    tables: Tensor
    sampling: Tensor

    def __len__(self) -> int:
        """The number of files N."""
        return len(self.decoded)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Conditions":
        """The same function of each of the tensors."""
        return Conditions(*(change(getattr(self, f.name)) for f in fields(self)))


def conditions(
    coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout
) -> Conditions:
    """Conditions of N files of one layout, on the device of the coefficients.

    ``coefficients``: quantized, any number type, (N, block rows, block columns, 8, 8) per
    component. ``tables``: per component (8, 8) or, one per file, (N, 8, 8).
    """
    count, device = len(coefficients[0]), coefficients[0].device
    values = dequantize([c.to(torch.float32) for c in coefficients], tables)
    at_own_size = planes(values)
    decoded = images_of_planes(at_own_size, layout) / 255
    whole = repeated(at_own_size, layout)
    components = torch.stack([in_units(c, layout.height, layout.width) for c in whole], dim=1)
    steps = torch.stack([_rows(t, count).to(device) for t in tables], dim=1)
    features = torch.tensor(sampling_features(layout), device=device).expand(count, -1)
    return Conditions(_tripled(decoded), _tripled(components), _tripled(steps), features)


def join(parts: Sequence[Conditions]) -> Conditions:
    """One batch of conditions of equal size, whatever their sampling and colour space."""
    return Conditions(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Conditions)))


def in_units(components: Tensor, height: int, width: int) -> Tensor:
    """Components (..., h, w) of at least this height and width, at these rounded up to units.

    What is further out is cut off; where the file has no blocks it is 0.
    """
    rows, columns = (UNIT * ceil(length / UNIT) for length in (height, width))
    cut = components[..., :rows, :columns]
    padding = (0, columns - cut.shape[-1], 0, rows - cut.shape[-2])
    return F.pad(cut, padding)


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
