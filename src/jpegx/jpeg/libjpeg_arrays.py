"""libjpeg's encoder on one picture, in NumPy: its fixed-point constants, and what they give.

The same integers as :mod:`jpegx.jpeg.libjpeg_model`, which takes many pictures, on any device, and
takes its constants from here. A verdict about one picture need not wait for torch.
"""

from functools import cache
from math import ceil

import numpy as np

from jpegx.jpeg.layout import Layout

# Y, Cb, Cr of R, G, B: 16 fractional bits, and what is added before the rounding shift.
COLOR = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))
COLOR_OFFSET = (1 << 15, (128 << 16) + (1 << 15) - 1, (128 << 16) + (1 << 15) - 1)

# Constants of libjpeg's "islow" transform, 13 fractional bits (Loeffler, Ligtenberg and
# Moschytz 1989): each output of a pass is an exact integer combination of its 8 inputs.
_SCALE = 1 << 13
ROW_SHIFT, COLUMN_SHIFT = 11, 15  # after the pass over the rows, and that over the columns


def _fixed(value: float) -> int:
    return int(value * _SCALE + 0.5)


@cache
def islow_pass() -> np.ndarray:
    """One pass of islow as an integer matrix (8, 8), found by running it on the unit vectors."""
    x = np.eye(8, dtype=np.int64)
    sums = [x[i] + x[7 - i] for i in range(4)]
    even_a, even_b = sums[0] + sums[3], sums[1] + sums[2]
    odd_a, odd_b = sums[0] - sums[3], sums[1] - sums[2]
    shared = (odd_a + odd_b) * _fixed(0.541196100)
    out = [x[0]] * 8
    out[0], out[4] = (even_a + even_b) * _SCALE, (even_a - even_b) * _SCALE
    out[2] = shared + odd_a * _fixed(0.765366865)
    out[6] = shared - odd_b * _fixed(1.847759065)
    d4, d5, d6, d7 = (x[3 - i] - x[4 + i] for i in range(4))
    turn = (d4 + d6 + d5 + d7) * _fixed(1.175875602)
    z1, z2 = (d4 + d7) * -_fixed(0.899976223), (d5 + d6) * -_fixed(2.562915447)
    z3 = (d4 + d6) * -_fixed(1.961570560) + turn
    z4 = (d5 + d7) * -_fixed(0.390180644) + turn
    out[7] = d4 * _fixed(0.298631336) + z1 + z3
    out[5] = d5 * _fixed(2.053119869) + z2 + z4
    out[3] = d6 * _fixed(3.072711026) + z2 + z3
    out[1] = d7 * _fixed(1.501321110) + z1 + z4
    return np.stack(out)


@cache
def dct_pass() -> np.ndarray:
    """The orthonormal DCT of 8 numbers, float64 (8, 8): what one pass of islow is near to."""
    place = np.arange(8)
    real = np.cos((2 * place + 1) * place[:, None] * np.pi / 16) / 2
    real[0] = np.sqrt(1 / 8)
    return real


def dct_of_blocks(blocks: np.ndarray, *, inverse: bool = False) -> np.ndarray:
    """The orthonormal DCT of blocks (..., 8, 8), or back."""
    one = dct_pass().T if inverse else dct_pass()
    made: np.ndarray = one @ blocks @ one.T
    return made


def sample_bias(wide: int, high: int) -> tuple[int, int]:
    """What libjpeg adds before it divides, for an even and an odd column of samples (jcsample.c).

    ``wide``, ``high``: pixels that are averaged into one sample.
    """
    if (wide, high) == (2, 1):
        return 0, 1
    if (wide, high) == (2, 2):
        return 1, 2
    return wide * high // 2, wide * high // 2


def scaled_coefficients(pixels: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """libjpeg's coefficients before quantization, times 8.

    ``pixels``: uint8 (height, width, channels); a gray layout also takes RGB. Returns one float64
    array (block rows, block columns, 8, 8) per component that holds exact integers. Raises
    ValueError for a fractional sampling ratio.
    """
    return [_islow(samples - 128) for samples in integer_samples(pixels, layout)]


def integer_samples(pixels: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """What libjpeg transforms: the samples of each component, whole numbers from 0 to 255.

    ``pixels``: as of :func:`scaled_coefficients`. int32 (8 block rows, 8 block columns) each, with
    the padding of the last blocks. Raises ValueError for a fractional sampling ratio.
    """
    components = _components(pixels, layout)
    return [_samples(component, layout, number) for number, component in enumerate(components)]


def _components(pixels: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """Whole numbers from 0 to 255, int32 (height, width) each."""
    channels = [pixels[..., c].astype(np.int32) for c in range(pixels.shape[2])]
    if layout.color_space == "ycbcr" or (layout.color_space == "gray" and len(channels) == 3):
        red, green, blue = channels
        mixed = [
            (r * red + g * green + b * blue + offset) >> 16
            for (r, g, b), offset in zip(COLOR, COLOR_OFFSET, strict=True)
        ]
        return mixed[: layout.channels]
    return channels


def _samples(component: np.ndarray, layout: Layout, number: int) -> np.ndarray:
    """The samples of a component with the padding of its last blocks.

    Past the edge libjpeg repeats the last pixel to the right, but downwards, once the last group
    of rows is complete, the last row of samples (jcprepct.c).
    """
    wide, high = layout.reduction(number)
    rows, columns = (8 * count for count in layout.blocks(number))
    down = layout.max_factors[1]
    padding = ceil(layout.height / down) * down - layout.height, columns * wide - layout.width
    padded = np.pad(component, ((0, padding[0]), (0, max(0, padding[1]))), mode="edge")
    padded = padded[:, : columns * wide]
    if (wide, high) != (1, 1):
        sums = padded.reshape(len(padded) // high, high, columns, wide).sum(axis=(1, 3))
        sums += np.tile(sample_bias(wide, high), columns // 2)
        padded = sums // (wide * high)
    missing = max(0, rows - len(padded))
    return np.pad(padded, ((0, missing), (0, 0)), mode="edge")[:rows]


def _islow(samples: np.ndarray) -> np.ndarray:
    """The integer DCT of all 8x8 blocks; float64 holds all of its sums without error."""
    rows, columns = (length // 8 for length in samples.shape)
    blocks = samples.astype(np.float64).reshape(rows, 8, columns, 8).swapaxes(1, 2)
    one = islow_pass().astype(np.float64)
    first = np.floor((blocks @ one.T) / (1 << ROW_SHIFT) + 0.5)
    second: np.ndarray = np.floor((one @ first) / (1 << COLUMN_SHIFT) + 0.5)
    return second
