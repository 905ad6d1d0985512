"""Parses the headers of a JPEG file by the rules of libjpeg (ITU-T T.81, annex B).

The C library is only ever given what this module has understood (see ``Header.stream``), so what
libjpeg would not take before the first scan is refused here. If in doubt, refuse.
"""

import numpy as np

from jpegx.errors import JpegxError, UnreadableJpeg, UnsupportedJpeg
from jpegx.jpeg.layout import ColorSpace
from jpegx.jpeg.reader import markers as m
from jpegx.jpeg.reader.entropy import (
    ScanParameters,
    check_huffman,
    check_progression,
    check_unit,
)
from jpegx.jpeg.reader.frame import ARITHMETIC, CODINGS, PROGRESSIVE, Component, Header, Scan
from jpegx.jpeg.reader.segments import TABLE_READERS, State

MAX_DIMENSION = 65500  # JPEG_MAX_DIMENSION of every libjpeg
MAX_SCANS = 3 * 64 * 14  # each bit of each coefficient of each component in one of its own

_HIERARCHICAL = "hierarchical JPEG is not supported: no libjpeg reads or makes it"
_REFUSED_FRAMES = {
    **dict.fromkeys(
        (0xC3, 0xCB),
        "lossless JPEG is not supported: it holds its pixels, not ranges that they lay in",
    ),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, m.DHP, m.EXP), _HIERARCHICAL),
    0xC8: "a reserved JPEG extension is not supported",
    0xF7: "JPEG-LS is not supported: it holds its pixels, not ranges that they lay in",
}
_TABLES = frozenset((m.DQT, m.DHT, m.DAC, m.DRI))
_SEQUENTIAL = ScanParameters(first=0, last=63, high_bit=0, low_bit=0)
# To convert such a file loses what it holds: that is no advice.
_KEEP = "keep it as it is, jpegx info shows what it holds"


def parse_header(data: bytes) -> Header:
    """The headers of all scans of a JPEG file.

    Raises UnreadableJpeg if the file is broken before its first scan ends its header, and
    UnsupportedJpeg if it is of a kind that jpegx does not handle. Damage behind that point ends
    the walk and is told in ``Header.damage``.
    """
    if not data:
        raise UnreadableJpeg("the file is empty")
    if data[:2] != b"\xff\xd8":
        raise UnreadableJpeg("not a JPEG file (it does not begin with FF D8); give JPEG files only")
    state = State()
    damage: list[str] = []
    complete = False
    position, end = 2, len(data)
    while marker := m.next_marker(data, position):
        if marker.code == m.EOI:
            complete, end = True, marker.position
            break
        try:
            position = _read(state, data, marker)
        except JpegxError as error:
            if not state.scans:
                raise
            reason = str(error).partition(";")[0]
            damage.append(f"reading ended after scan {len(state.scans)}: {reason}")
            break
    if not state.scans:
        raise UnreadableJpeg(_without_scan(state, complete))
    if not complete and not damage:
        damage.append("truncated: the end-of-image marker is missing")
    if any(scan.data.reserved_markers for scan in state.scans):
        damage.append("corrupt data: impossible markers inside the picture")
    return Header(
        frame=_frame(state),
        width=state.width,
        height=state.height,
        components=state.components,
        color_space=_color_space(state),
        restart_interval=state.first_restart_interval,
        scans=tuple(state.scans),
        tables=_tables(state),
        damage=tuple(damage),
        notes=tuple(dict.fromkeys(state.notes)),
        end=end,
    )


def _read(state: State, data: bytes, marker: m.Marker) -> int:
    """Take in one marker and its segment; returns the offset where the next one is sought."""
    code, position = marker
    if code in m.PARAMETERLESS:
        return position
    if code in _REFUSED_FRAMES:
        raise UnsupportedJpeg(f"{_REFUSED_FRAMES[code]}; {_KEEP}")
    if code == m.SOI:
        raise UnreadableJpeg("a second JPEG begins inside its headers")
    known = code in CODINGS or code in _TABLES or code in (m.SOS, m.DNL, m.COM)
    if not known and not m.APP0 <= code <= m.APP15:
        raise UnreadableJpeg(f"unknown marker FF {code:02X} in its headers")
    body = m.segment(data, position)
    if body is None:
        raise UnreadableJpeg(f"cut off or broken inside a header (marker FF {code:02X})")
    position += 2 + len(body)
    if code in CODINGS:
        _read_frame(state, code, body)
    elif code in _TABLES:
        TABLE_READERS[code](state, body)
        state.setup += bytes((0xFF, code)) + (len(body) + 2).to_bytes(2, "big") + body
    elif code == m.SOS:
        return _read_scan(state, data, body, position)
    elif not state.scans:  # libjpeg settles the colour space at the first scan
        _read_application_data(state, code, body)
    return position


def _read_application_data(state: State, code: int, body: bytes) -> None:
    if code == m.APP0 and len(body) >= 14 and body[:5] == b"JFIF\0":
        state.jfif = True
    elif code == m.APP14 and len(body) >= 12 and body[:5] == b"Adobe":
        state.adobe_transform = body[11]


def _read_frame(state: State, code: int, body: bytes) -> None:
    if state.frame is not None:
        raise UnreadableJpeg("it has two frame headers")
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise UnreadableJpeg("its frame header has a wrong length")
    state.frame = code
    state.precision = body[0]
    state.height = int.from_bytes(body[1:3], "big")
    state.width = int.from_bytes(body[3:5], "big")
    _refuse_frame(state, body[5])
    state.components = tuple(
        Component(body[i], body[i + 1] >> 4, body[i + 1] & 15, body[i + 2])
        for i in range(6, len(body), 3)
    )
    if any(not (1 <= c.horizontal <= 4 and 1 <= c.vertical <= 4) for c in state.components):
        raise UnreadableJpeg("its sampling factors are outside 1 to 4")


def _refuse_frame(state: State, count: int) -> None:
    if not state.width:
        raise UnreadableJpeg(f"its header gives an impossible size {state.width}x{state.height}")
    if not state.height:
        raise UnsupportedJpeg(
            "its height stands behind the picture (DNL), which libjpeg does not read; convert it "
            "with a program that does"
        )
    if state.precision != 8:
        raise UnsupportedJpeg(
            f"{state.precision}-bit JPEG is not supported: the encoder that defines what is exact "
            f"has 8 bits; {_KEEP}"
        )
    if max(state.width, state.height) > MAX_DIMENSION:
        raise UnsupportedJpeg(
            f"{state.width}x{state.height} is beyond libjpeg's limit of {MAX_DIMENSION} pixels a "
            "side; cut it into parts first"
        )
    if count == 4:
        raise UnsupportedJpeg(
            f"CMYK and YCCK JPEG are not supported: pictures are written as gray or RGB; {_KEEP}"
        )
    if count not in (1, 3):
        raise UnsupportedJpeg(f"JPEG with {count} components is not supported; {_KEEP}")


def _read_scan(state: State, data: bytes, body: bytes, position: int) -> int:
    if state.frame is None:
        raise UnreadableJpeg("a scan comes before the frame header")
    count = body[0] if body else 0
    if not 1 <= count <= 4 or len(body) != 4 + 2 * count:
        raise UnreadableJpeg("a scan header has a wrong length")
    if state.scans and not _more_scans_expected(state):
        raise UnreadableJpeg("another scan follows a complete picture")
    if len(state.scans) == MAX_SCANS:
        raise UnreadableJpeg("no picture needs more scans")
    chosen: list[int] = []
    for i in range(count):
        chosen.append(_component_of(state, body[1 + 2 * i], chosen))
    selectors = body[2 : 2 + 2 * count : 2]
    parameters = ScanParameters(body[-3], body[-2], body[-1] >> 4, body[-1] & 15)
    _check_scan(state, chosen, selectors, parameters)
    for component in chosen:
        _latch(state, component)
    header = bytes((0xFF, m.SOS)) + (len(body) + 2).to_bytes(2, "big") + bytes((count,))
    for component, selector in zip(chosen, selectors, strict=True):
        header += bytes((component, selector))
    header += _selection(state, parameters)
    if not state.scans:
        state.first_restart_interval = state.restart_interval
    found = m.scan_data(data, position)
    state.scans.append(
        Scan(
            components=tuple(chosen),
            first=parameters.first,
            last=parameters.last,
            low_bit=parameters.low_bit,
            setup=bytes(state.setup) + header,
            data=found,
        )
    )
    state.setup.clear()
    return found.stop


def _selection(state: State, parameters: ScanParameters) -> bytes:
    """The end of the scan header that libjpeg is given."""
    if _frame(state) in PROGRESSIVE:
        return bytes((*parameters[:2], parameters.high_bit << 4 | parameters.low_bit))
    if parameters != _SEQUENTIAL:
        state.notes.append("a scan header has unusual parameters, which were ignored")
    return bytes((0, 63, 0))


def _check_scan(
    state: State, chosen: list[int], selectors: bytes, parameters: ScanParameters
) -> None:
    progressive = _frame(state) in PROGRESSIVE
    check_unit([state.components[c] for c in chosen])
    if progressive:
        check_progression(parameters, len(chosen))
    if _frame(state) not in ARITHMETIC:
        check_huffman(state.huffman, selectors, parameters, progressive)


def _component_of(state: State, identifier: int, taken: list[int]) -> int:
    # A scan lists its components in the order of the frame: libjpeg finds no others (get_sos), and
    # jpeglib crashes where libjpeg fails before the first scan.
    for index in range(len(taken), len(state.components)):
        if state.components[index].identifier == identifier and index not in taken:
            return index
    raise UnreadableJpeg(f"a scan names component {identifier}, which is unknown or out of order")


def _more_scans_expected(state: State) -> bool:
    # libjpeg decides this at the first scan, and takes no second one after an interleaved first.
    return CODINGS[_frame(state)].endswith("progressive") or len(state.scans[0].components) < len(
        state.components
    )


def _latch(state: State, component: int) -> None:
    if component in state.latched:
        return
    slot = state.components[component].table_slot
    if slot not in state.slots:
        raise UnreadableJpeg(f"quantization table {slot} is missing")
    state.latched[component] = state.slots[slot]


def _tables(state: State) -> tuple[np.ndarray, ...]:
    # Where a file ends before a component's first scan its table may be missing too, and any will
    # do: the component has no data.
    some = next(iter(state.latched.values()))
    tables = tuple(
        state.latched.get(index, state.slots.get(component.table_slot, some))
        for index, component in enumerate(state.components)
    )
    if any((table == 0).any() for table in tables):
        raise UnreadableJpeg("a quantization table holds a step of 0")
    for table in tables:
        table.flags.writeable = False
    return tables


def _frame(state: State) -> int:
    assert state.frame is not None  # every scan needs it
    return state.frame


def _color_space(state: State) -> ColorSpace:
    """libjpeg's guess (default_decompress_parms): JFIF, then Adobe, then the component names."""
    if len(state.components) == 1:
        return "gray"
    if state.jfif:
        return "ycbcr"
    if state.adobe_transform is not None:
        return "rgb" if state.adobe_transform == 0 else "ycbcr"
    identifiers = bytes(c.identifier for c in state.components)
    return "rgb" if identifiers == b"RGB" else "ycbcr"


def _without_scan(state: State, complete: bool) -> str:
    if state.frame is None and complete:
        return "it holds no picture, only tables"
    if complete:
        return "it holds no picture data"
    return "cut off inside its headers"
