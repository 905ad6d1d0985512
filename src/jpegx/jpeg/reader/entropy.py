"""Whether libjpeg can decode a scan: the checks that it makes when the scan starts.

A failure inside libjpeg loses the whole picture, a scan refused here only itself and what follows.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jpegx.errors import UnreadableJpeg
from jpegx.jpeg.reader.frame import Component

_MAX_UNIT_BLOCKS = 10  # D_MAX_BLOCKS_IN_MCU
_MAX_LOW_BIT = 13
_DC, _AC = 0, 1


class HuffmanTable(NamedTuple):
    """``is_code``: the lengths make a prefix code. ``largest``: largest symbol, -1 if none."""

    is_code: bool
    largest: int


# By class (0 for DC, 1 for AC) and slot.
HuffmanTables = Mapping[tuple[int, int], HuffmanTable]


def huffman_table(counts: Sequence[int], symbols: bytes) -> HuffmanTable:
    """The table with ``counts[i]`` codes of i+1 bits (ITU-T T.81, C.2)."""
    code = 0
    is_code = True
    left = len(symbols)
    for length, count in enumerate(counts, 1):
        code += count
        left -= count
        is_code &= code < 1 << length  # a code of all ones is not allowed
        if left == 0:
            break
        code <<= 1
    return HuffmanTable(is_code, max(symbols, default=-1))


class ScanParameters(NamedTuple):
    """The end of a scan header: spectral selection and successive approximation."""

    first: int
    last: int
    high_bit: int
    low_bit: int


def check_unit(components: Sequence[Component]) -> None:
    """Raise UnreadableJpeg if an interleaved scan of these components has too large a unit."""
    blocks = sum(c.horizontal * c.vertical for c in components)
    if len(components) > 1 and blocks > _MAX_UNIT_BLOCKS:
        raise UnreadableJpeg(f"an interleaved scan has {blocks} blocks a unit, more than 10")


def check_progression(parameters: ScanParameters, component_count: int) -> None:
    """Raise UnreadableJpeg for parameters that no progressive scan can have."""
    first, last, high_bit, low_bit = parameters
    band = last == 0 if first == 0 else first <= last <= 63 and component_count == 1
    bits = low_bit <= _MAX_LOW_BIT and high_bit in (0, low_bit + 1)
    if not band or not bits:
        raise UnreadableJpeg("a progressive scan has impossible parameters")


def check_huffman(
    tables: HuffmanTables,
    selectors: Sequence[int],
    parameters: ScanParameters,
    progressive: bool,
) -> None:
    """Raise UnreadableJpeg if a table that a scan needs is missing or broken.

    ``selectors``: for each component of the scan, the DC slot in the high and the AC slot in the
    low half of a byte.
    """
    for selector in selectors:
        if not progressive:
            needed = [(_DC, selector >> 4), (_AC, selector & 15)]
        elif parameters.first > 0:
            needed = [(_AC, selector & 15)]
        else:
            needed = [(_DC, selector >> 4)] if parameters.high_bit == 0 else []
        for kind, slot in needed:
            table = tables.get((kind, slot))
            if table is None:
                # Motion-JPEG frames leave out the standard tables, which the reader then assumes.
                if progressive or slot > 1:
                    raise UnreadableJpeg(f"Huffman table {slot} is missing")
            elif not table.is_code or (kind == _DC and table.largest > 15):
                raise UnreadableJpeg(f"Huffman table {slot} is broken")
