"""The segments of tables between the scans of a JPEG file (ITU-T T.81, B.2.4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from jpegx.errors import UnreadableJpeg
from jpegx.jpeg.reader import markers as m
from jpegx.jpeg.reader.entropy import HuffmanTable, huffman_table
from jpegx.jpeg.reader.frame import Component, Scan

ZIGZAG = np.array(
    sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
)


@dataclass
class State:
    """What the marker walk has collected so far."""

    slots: dict[int, np.ndarray] = field(default_factory=dict)
    latched: dict[int, np.ndarray] = field(default_factory=dict)
    huffman: dict[tuple[int, int], HuffmanTable] = field(default_factory=dict)
    setup: bytearray = field(default_factory=bytearray)
    scans: list[Scan] = field(default_factory=list)
    frame: int | None = None
    precision: int = 8
    width: int = 0
    height: int = 0
    components: tuple[Component, ...] = ()
    jfif: bool = False
    adobe_transform: int | None = None
    restart_interval: int = 0
    first_restart_interval: int = 0
    notes: list[str] = field(default_factory=list)


def quantization_tables(body: bytes) -> Iterator[tuple[int, np.ndarray]]:
    """Slot and steps, int32 (8, 8) in natural order, of each table of a segment (DQT).

    Raises UnreadableJpeg at the first that is broken.
    """
    position = 0
    while position < len(body):
        slot, wide = body[position] & 15, body[position] >> 4
        size = 128 if wide else 64
        values = body[position + 1 : position + 1 + size]
        if slot > 3 or len(values) != size:
            raise UnreadableJpeg("a quantization table is broken")
        table = np.empty(64, np.int32)
        table[ZIGZAG] = np.frombuffer(values, ">u2" if wide else "u1")
        yield slot, table.reshape(8, 8)
        position += 1 + size


def _read_quantization(state: State, body: bytes) -> None:
    for slot, table in quantization_tables(body):
        state.slots[slot] = table


def _read_huffman(state: State, body: bytes) -> None:
    position = 0
    while len(body) - position > 16:
        index = body[position]
        counts = body[position + 1 : position + 17]
        symbols = body[position + 17 : position + 17 + sum(counts)]
        if index & 0xEF > 3 or sum(counts) > 256 or len(symbols) < sum(counts):
            raise UnreadableJpeg("a Huffman table is broken")
        state.huffman[index >> 4, index & 15] = huffman_table(counts, symbols)
        position += 17 + len(symbols)
    if position != len(body):
        raise UnreadableJpeg("a Huffman table is broken")


def _check_conditioning(_: State, body: bytes) -> None:
    pairs = list(zip(body[::2], body[1::2], strict=False))
    bad = any(index > 31 or (index < 16 and value & 15 > value >> 4) for index, value in pairs)
    if len(body) % 2 or bad:
        raise UnreadableJpeg("an arithmetic conditioning table is broken")


def _read_restart_interval(state: State, body: bytes) -> None:
    if len(body) != 2:
        raise UnreadableJpeg("its restart interval is broken")
    state.restart_interval = int.from_bytes(body, "big")


TABLE_READERS = {
    m.DQT: _read_quantization,
    m.DHT: _read_huffman,
    m.DAC: _check_conditioning,
    m.DRI: _read_restart_interval,
}
