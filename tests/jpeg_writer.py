"""A small baseline encoder, to build JPEG files whose coefficients are known exactly."""

from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np

from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.reader.segments import ZIGZAG

Factors = Sequence[tuple[int, int]]

# Every DC category has a 4-bit code and every AC symbol an 8-bit code: the code is the symbol.
DC_COUNTS = bytes([0, 0, 0, 12] + [0] * 12)
AC_COUNTS = bytes([0] * 7 + [251] + [0] * 8)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


JFIF = segment(0xE0, b"JFIF\0\1\1\1\0\x48\0\x48\0\0")


def adobe(transform: int) -> bytes:
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))


def random_coefficients(
    width: int, height: int, factors: Factors, seed: int = 0
) -> list[np.ndarray]:
    """Sparse random coefficients for a file of this size."""
    generator = np.random.default_rng(seed)
    space: ColorSpace = "gray" if len(factors) == 1 else "ycbcr"
    layout = Layout(width, height, space, tuple(factors))
    arrays = []
    for component in range(len(factors)):
        shape = (*layout.blocks(component), 8, 8)
        values = generator.integers(-900, 900, shape) * (generator.random(shape) < 0.1)
        arrays.append(values.astype(np.int16))
    return arrays


def write_jpeg(
    coefficients: Sequence[np.ndarray],
    *,
    width: int,
    height: int,
    factors: Factors,
    tables: Sequence[np.ndarray] | None = None,
    identifiers: Sequence[int] = (1, 2, 3),
    interleaved: bool = True,
    restart_interval: int = 0,
    frame: int = 0xC0,
    extra: bytes = b"",
) -> bytes:
    """A JPEG file with these coefficients, in one scan or in one scan per component."""
    count = len(factors)
    tables = tables or [np.full((8, 8), 3 + c, np.int32) for c in range(count)]
    data = b"\xff\xd8" + extra
    for slot, table in enumerate(tables):
        data += quantization_segment(slot, table)
    body = b"\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes((count,))
    for c, (h, v) in enumerate(factors):
        body += bytes((identifiers[c], h << 4 | v, c))
    data += segment(frame, body)
    data += segment(0xC4, b"\x00" + DC_COUNTS + bytes(range(12)))
    data += segment(0xC4, b"\x10" + AC_COUNTS + bytes(range(251)))
    if restart_interval:
        data += segment(0xDD, restart_interval.to_bytes(2, "big"))
    together = interleaved and count > 1
    for scan in [tuple(range(count))] if together else [(c,) for c in range(count)]:
        selectors = b"".join(bytes((identifiers[c], 0)) for c in scan)
        data += segment(0xDA, bytes((len(scan),)) + selectors + b"\x00\x3f\x00")
        units = list(_units(coefficients, width, height, factors, scan))
        data += _entropy_coded(units, restart_interval)
    return data + b"\xff\xd9"


def quantization_segment(slot: int, table: np.ndarray) -> bytes:
    wide = bool((table > 255).any())
    steps = table.reshape(64)[ZIGZAG].astype(">u2" if wide else "u1")
    return segment(0xDB, bytes((wide << 4 | slot,)) + steps.tobytes())


Unit = list[tuple[int, np.ndarray | None]]


def _units(
    coefficients: Sequence[np.ndarray],
    width: int,
    height: int,
    factors: Factors,
    scan: Sequence[int],
) -> Iterator[Unit]:
    """Minimum coded units: (component, block), None for a block beyond the edge."""
    if len(scan) == 1:
        for block in coefficients[scan[0]].reshape(-1, 8, 8):
            yield [(scan[0], block)]
        return
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    for row in range(ceil(height / (8 * down))):
        for column in range(ceil(width / (8 * across))):
            unit: Unit = []
            for c in scan:
                h, v = factors[c]
                for y in range(row * v, row * v + v):
                    for x in range(column * h, column * h + h):
                        rows, columns = coefficients[c].shape[:2]
                        inside = y < rows and x < columns
                        unit.append((c, coefficients[c][y, x] if inside else None))
            yield unit


def _entropy_coded(units: list[Unit], restart_interval: int) -> bytes:
    step = restart_interval or len(units)
    data = b""
    for number, start in enumerate(range(0, len(units), step)):
        if number:
            data += bytes((0xFF, 0xD0 + (number - 1) % 8))
        last = dict.fromkeys(range(3), 0)
        bits = []
        for unit in units[start : start + step]:
            for component, block in unit:
                if block is None:
                    bits.append("0000" + "00000000")
                    continue
                dc = int(block[0, 0])
                bits.append(_block_bits(dc - last[component], block))
                last[component] = dc
        text = "".join(bits)
        text += "1" * (-len(text) % 8)
        packed = int(text, 2).to_bytes(len(text) // 8, "big")
        data += packed.replace(b"\xff", b"\xff\x00")
    return data


def _block_bits(difference: int, block: np.ndarray) -> str:
    size = abs(difference).bit_length()
    bits = f"{size:04b}" + _magnitude(difference, size)
    run = 0
    for value in block.reshape(64)[ZIGZAG][1:].tolist():
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits += f"{0xF0:08b}"
            run -= 16
        size = abs(value).bit_length()
        bits += f"{run << 4 | size:08b}" + _magnitude(value, size)
        run = 0
    return bits + ("00000000" if run else "")


def _magnitude(value: int, size: int) -> str:
    if size == 0:
        return ""
    return f"{value if value > 0 else value + (1 << size) - 1:0{size}b}"
