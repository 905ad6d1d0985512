"""What a JPEG file says about itself before its data, and the clean file that libjpeg is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from jpegx.jpeg.layout import COMPONENT_NAMES, ColorSpace, Layout
from jpegx.jpeg.reader import markers as m

CODINGS = {
    0xC0: "baseline",
    0xC1: "extended",
    0xC2: "progressive",
    0xC9: "arithmetic",
    0xCA: "arithmetic progressive",
}
PROGRESSIVE = frozenset((0xC2, 0xCA))
ARITHMETIC = frozenset((0xC9, 0xCA))


@dataclass(frozen=True)
class Component:
    """One component of the frame as the file states it: factors are not reduced."""

    identifier: int
    horizontal: int
    vertical: int
    table_slot: int


@dataclass(frozen=True)
class Scan:
    """One scan: ``setup`` holds the segments before its data, checked, ending with its SOS."""

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    setup: bytes
    data: m.ScanData


@dataclass(frozen=True)
class Header:
    """What a JPEG file says about itself.

    ``tables``: one int32 array (8, 8) of steps (1 to 65535) per component, natural order, as they
    stood when the component's first scan began; of a component without one, its last or another's.
    ``damage``: one line for everything that was wrong behind the first scan; empty if sound.
    ``notes``: odd, but nothing is lost. ``end``: the offset behind its end marker, or of its end.
    """

    frame: int
    width: int
    height: int
    components: tuple[Component, ...]
    color_space: ColorSpace
    restart_interval: int
    scans: tuple[Scan, ...]
    tables: tuple[np.ndarray, ...]
    damage: tuple[str, ...]
    notes: tuple[str, ...]
    end: int

    @property
    def coding(self) -> str:
        """One of "baseline", "extended", "progressive", "arithmetic", "arithmetic progressive"."""
        return CODINGS[self.frame]

    @property
    def is_arithmetic(self) -> bool:
        """True if the scans are arithmetic-coded, False if Huffman-coded."""
        return self.frame in ARITHMETIC

    @property
    def is_progressive(self) -> bool:
        """True if the coefficients come in several scans of growing precision."""
        return self.frame in PROGRESSIVE

    @cached_property
    def layout(self) -> Layout:
        """Size, colour space and sampling."""
        factors = tuple((c.horizontal, c.vertical) for c in self.components)
        return Layout(self.width, self.height, self.color_space, factors)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Number of 8x8 blocks of each component."""
        grids = (self.layout.blocks(c) for c in range(len(self.components)))
        return tuple(rows * columns for rows, columns in grids)

    @property
    def visits(self) -> int:
        """Blocks that a decoder visits in all scans together, with the padding of interleaving."""
        across = 8 * max(c.horizontal for c in self.components)
        down = 8 * max(c.vertical for c in self.components)
        units = ceil(self.width / across) * ceil(self.height / down)
        per_unit = [c.horizontal * c.vertical for c in self.components]
        return sum(
            units * sum(per_unit[c] for c in scan.components)
            if len(scan.components) > 1
            else self.blocks[scan.components[0]]
            for scan in self.scans
        )

    @property
    def data_size(self) -> int:
        """Bytes of entropy-coded data in all scans together."""
        return sum(scan.data.stop - scan.data.start for scan in self.scans)

    def stream(self, data: bytes) -> Iterator[bytes | memoryview]:
        """The scans as a clean JPEG file, in pieces.

        It holds nothing but the frame, the tables, the scans and the end marker, all checked, so
        the C library finds the sizes that ``layout`` tells and cannot fail in its headers.
        ``data`` is the file that this header was parsed from.
        """
        yield b"\xff\xd8"
        if self.color_space == "rgb":
            yield _ADOBE_RGB
        yield _frame_segment(self)
        view = memoryview(data)
        for scan in self.scans:
            yield scan.setup
            body = view[scan.data.start : scan.data.stop]
            yield m.without_reserved_markers(bytes(body)) if scan.data.reserved_markers else body
        yield b"\xff\xd9"

    def gaps(self) -> tuple[str, ...]:
        """What the scans leave unsaid, in words; empty if nothing."""
        # The bit that each coefficient is known down to: 0 is exact, -1 was never sent.
        known = np.full((len(self.components), 64), -1)
        for scan in self.scans:
            for component in scan.components:
                if self.is_progressive:
                    known[component, scan.first : scan.last + 1] = scan.low_bit
                else:
                    known[component] = 0
        names = COMPONENT_NAMES[self.color_space]
        empty = [name for name, bits in zip(names, known, strict=True) if (bits < 0).all()]
        if empty:
            return (f"no data for {', '.join(empty)}",)
        if known.any():
            return ("scans that refine the picture are missing: its detail is incomplete",)
        return ()


# Adobe's APP14 with transform 0: libjpeg takes three components for YCbCr without it.
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe" + bytes(7)


def _frame_segment(header: Header) -> bytes:
    body = b"\x08" + header.height.to_bytes(2, "big") + header.width.to_bytes(2, "big")
    body += bytes((len(header.components),))
    for index, c in enumerate(header.components):
        body += bytes((index, c.horizontal << 4 | c.vertical, c.table_slot))
    return bytes((0xFF, header.frame)) + (len(body) + 2).to_bytes(2, "big") + body
