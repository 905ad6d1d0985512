"""What the headers of any JPEG file say, also of the kinds that are not decoded here."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from jpegx.errors import UnreadableJpeg
from jpegx.jpeg.reader import markers as m
from jpegx.jpeg.reader.segments import quantization_tables

_PROCESSES = {
    0xC0: "baseline",
    0xC1: "extended",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical progressive",
    0xC7: "hierarchical lossless",
    0xC8: "reserved",
    0xC9: "arithmetic",
    0xCA: "arithmetic progressive",
    0xCB: "arithmetic lossless",
    0xCD: "arithmetic hierarchical",
    0xCE: "arithmetic hierarchical progressive",
    0xCF: "arithmetic hierarchical lossless",
    0xF7: "JPEG-LS",
}
_OF_ADOBE = {0: "CMYK", 2: "YCCK"}  # by the transform of Adobe's segment
_PREDICTED = frozenset((0xC3, 0xC7, 0xCB, 0xCF))


@dataclass(frozen=True)
class Survey:
    """What the headers of a file say.

    ``process``: "baseline", "lossless", "JPEG-LS" ... ``precision``: bits a channel. ``height``: 0
    if it stands behind the picture. ``factors``: (horizontal, vertical) per component. ``color``:
    in words. ``tables``: steps (8, 8) of each component that has some, in natural order.
    ``predictor``: of a lossless file, else 0. ``end``: the offset behind the end marker.
    """

    process: str
    precision: int
    width: int
    height: int
    factors: tuple[tuple[int, int], ...]
    color: str
    tables: tuple[np.ndarray, ...]
    scans: int
    predictor: int
    restart_interval: int
    end: int


def survey(data: bytes) -> Survey:
    """What the headers of a JPEG file say, whatever its kind. Raises UnreadableJpeg without any."""
    frame: bytes | None = None
    code = scans = predictor = restarts = 0
    adobe: int | None = None
    slots: dict[int, np.ndarray] = {}
    position, end = 2, len(data)
    while marker := m.next_marker(data, position):
        position = marker.position
        if marker.code == m.EOI:
            end = position
            break
        if marker.code in m.PARAMETERLESS or marker.code == m.SOI:
            continue
        body = m.segment(data, position)
        if body is None:
            break
        position += 2 + len(body)
        if marker.code in _PROCESSES and frame is None and len(body) >= 6:
            frame, code = body, marker.code
        elif marker.code == m.DQT and not scans:
            with suppress(UnreadableJpeg):
                for slot, table in quantization_tables(body):
                    slots[slot] = table
        elif marker.code == m.DRI and not scans:
            restarts = int.from_bytes(body[:2], "big")
        elif marker.code == m.APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker.code == m.SOS:
            if not scans and code in _PREDICTED and len(body) > 3:
                predictor = body[-3]
            scans += 1
            position = m.scan_data(data, position).stop
    if frame is None:
        raise UnreadableJpeg("it has no frame header")
    parts = [frame[i : i + 3] for i in range(6, min(len(frame), 6 + 3 * frame[5]) - 2, 3)]
    return Survey(
        process=_PROCESSES[code],
        precision=frame[0],
        width=int.from_bytes(frame[3:5], "big"),
        height=int.from_bytes(frame[1:3], "big"),
        factors=tuple((part[1] >> 4, part[1] & 15) for part in parts),
        color=_color(len(parts), adobe),
        tables=tuple(slots[part[2]] for part in parts if part[2] in slots),
        scans=scans,
        predictor=predictor,
        restart_interval=restarts,
        end=end,
    )


def _color(count: int, adobe: int | None) -> str:
    if count == 4:
        inverted = "" if adobe is None else ", inverted as Adobe writes it"
        return f"{_OF_ADOBE.get(adobe or 0, 'CMYK')}{inverted}"
    return {1: "grayscale", 3: "3 components"}.get(count, f"{count} components")
