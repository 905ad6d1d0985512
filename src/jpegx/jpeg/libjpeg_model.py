"""libjpeg's encoder, bit for bit, up to the quantized coefficients (islow DCT)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg.color import to_integer_components
from jpegx.jpeg.dct import islow
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.mcu import Region, regions

_UNITS = 4096  # units at a time: their tensors stay in the cache


def unit_coefficients(pixels: Tensor, region: Region) -> list[Tensor]:
    """Coefficients times 8 before quantization, one float64 (M, K) per component, exact integers.

    ``pixels``: whole numbers (M, C, P) from 0 to 255, the units of the region.
    """
    components = to_integer_components(pixels, region.layout)
    scaled = []
    for component, unit_map in enumerate(region.maps(pixels.device)):
        samples = unit_map.integer_samples(components[:, component]) - 128.0
        scaled.append(islow(samples.reshape(-1, 64)).view(samples.shape))
    return scaled


def quantize(scaled: Tensor, table: Tensor) -> Tensor:
    """libjpeg's quantizer: integers, 8 times a coefficient, by a table that broadcasts.

    Returns integers in the same floating type, rounded half away from zero. float32 is enough: the
    quotients differ from an integer by 2**-19 or more of their size, or not at all.
    """
    step = table.to(scaled.dtype) * 8
    return ((scaled.abs() + step / 2) / step).floor_().mul_(scaled.sign())


def scaled_coefficients(images: Tensor, layout: Layout) -> list[Tensor]:
    """libjpeg's coefficients before quantization, times 8, on any device.

    ``images``: integers (N, C, H, W) from 0 to 255. Returns one float32 (N, block rows, block
    columns, 8, 8) per component that holds exact integers. Raises ValueError for a fractional
    sampling ratio.
    """
    count = len(images)
    grids = [
        torch.zeros(count, *layout.blocks(c), 64, device=images.device)
        for c in range(len(layout.factors))
    ]
    for whole in regions(layout):
        for region in whole.strips(_UNITS):
            pixels = region.gather(images)
            for component, scaled in enumerate(unit_coefficients(pixels, region)):
                region.scatter_blocks(component, scaled.float(), grids[component])
    return [grid.unflatten(-1, (8, 8)) for grid in grids]


def encode(images: Tensor, layout: Layout, tables: Sequence[Tensor]) -> list[Tensor]:
    """Quantized coefficients that libjpeg (6b, turbo) gives 8-bit images, on any device.

    ``images``: uint8 (N, C, H, W). ``tables``: one per component, (8, 8) or (N, 8, 8), steps from
    1 to 65535. Returns one int16 (N, block rows, block columns, 8, 8) per component.
    Raises ValueError for a fractional sampling ratio.
    """
    quantized = []
    for scaled, table in zip(scaled_coefficients(images, layout), tables, strict=True):
        steps = table.reshape(-1, 1, 1, 8, 8).to(images.device)
        quantized.append(quantize(scaled, steps).to(torch.int16))
    return quantized
