"""Hostile files end in a picture or in one line: quickly, in little memory, and silently."""

import io
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jpeg_writer import (
    AC_COUNTS,
    DC_COUNTS,
    JFIF,
    quantization_segment,
    random_coefficients,
    segment,
    write_jpeg,
)
from jpegx.errors import JpegxError, UnreadableJpeg
from jpegx.jpeg.file import read_jpeg

HERE = Path(__file__).parent
CORPUS = HERE.parents[2] / "shared" / "data" / "hostile"
LONGEST = 10  # seconds of CPU time
LARGEST = 2 << 30  # bytes


def small(extra: bytes = b"") -> bytes:
    factors = ((2, 2), (1, 1), (1, 1))
    coefficients = random_coefficients(40, 40, factors)
    return write_jpeg(coefficients, width=40, height=40, factors=factors, extra=extra)


def progressive() -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "JPEG", progressive=True)
    return file.getvalue()


def frame(code: int, width: int, height: int) -> bytes:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return segment(code, b"\x08" + size + b"\x01\x01\x11\x00")


def gray(code: int, width: int, height: int, scans: bytes, dc: bytes = b"") -> bytes:
    """A gray file with a header of its own and these scans."""
    tables = dc or segment(0xC4, b"\x00" + DC_COUNTS + bytes(range(12)))
    tables += segment(0xC4, b"\x10" + AC_COUNTS + bytes(range(251)))
    table = quantization_segment(0, np.full((8, 8), 9))
    return b"\xff\xd8" + table + frame(code, width, height) + tables + scans + b"\xff\xd9"


def scan(parameters: bytes) -> bytes:
    return segment(0xDA, b"\x01\x01\x00" + parameters)


def components_out_of_order() -> bytes:
    data = small()
    start = data.index(b"\xff\xda") + 5
    return data[:start] + b"\x03\x00\x02\x00\x01\x00" + data[start + 6 :]


def dc_overflow() -> bytes:
    """DC differences that leave the range of an integer, which libjpeg meets in mid-scan."""
    dc = segment(0xC4, b"\x00" + bytes([0, 0, 0, 0, 16] + [0] * 11) + bytes(range(16)))
    data = bytes.fromhex("7ffff7ffff").replace(b"\xff", b"\xff\x00") * 34000
    return gray(0xC2, 2080, 2080, scan(b"\0\0\0") + data, dc)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "two bytes": lambda: b"\xff\xd8",
    "fill bytes only": lambda: b"\xff\xd8" + b"\xff" * 20_000_000 + b"\0",
    "EXIF without end": lambda: small(extra=segment(0xE1, b"Exif\0\0II*\0") * 200_000),
    "much EXIF": lambda: small(extra=segment(0xE1, b"Exif\0\0II*\0" + bytes(65000)) * 500),
    "scans without end": lambda: gray(
        0xC2, 16, 16, scan(b"\0\0\0") + b"\x55" * 100 + scan(b"\1\x3f\0") * 500_000
    ),
    "no end of markers": lambda: b"\xff\xd8" + b"\xff\x01" * 500_000,
    "markers without end": lambda: small(extra=segment(0xE3, b"") * 100_000),
    "components out of order": components_out_of_order,
    "a DC coefficient out of range": dc_overflow,
    "a JPEG inside the headers": lambda: small(extra=small()),
    "no data": lambda: gray(0xC0, 3000, 1000, scan(b"\0\x3f\0")),
    "huge without data": lambda: gray(0xC0, 65500, 2000, scan(b"\0\x3f\0")),
    "huge arithmetic": lambda: gray(0xC9, 65500, 2000, scan(b"\0\x3f\0") + b"\x55" * 1000),
    "huge progressive": lambda: gray(0xC2, 65500, 2000, scan(b"\0\0\0") + b"\x55" * 1000),
    "thousands of scans": lambda: gray(
        0xC2, 1500, 1500, scan(b"\0\0\0") + b"\x55" * 5000 + scan(b"\1\x3f\0") * 5000
    ),
    "arithmetic noise": lambda: gray(
        0xC9, 2000, 2000, scan(b"\0\x3f\0") + random.Random(1).randbytes(99_999)
    ),
    "arithmetic scans": lambda: gray(
        0xCA, 500, 500, scan(b"\0\0\0") + b"\x33" * 999 + (scan(b"\1\x3f\0") + b"\x77" * 9) * 1900
    ),
    "scans out of order": lambda: gray(
        0xC2, 99, 99, scan(b"\1\x3f\x21") + b"\x42" * 99 + scan(b"\0\0\x10") + b"\x42" * 99
    ),
    "restart markers everywhere": lambda: small(extra=segment(0xDD, b"\0\1")).replace(
        b"\x00\x3f\x00", b"\x00\x3f\x00" + b"\xff\xd3\xff\xd1" * 5000
    ),
    "reserved markers": lambda: small(extra=segment(0xDD, b"\0\1"))[:-99] + b"\xff\x42" * 5000,
    "steps of 0": lambda: small(extra=JFIF).replace(bytes([3]) * 64, bytes(64)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_built_files(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = HOSTILE[name]()
    start = time.process_time()
    lines = outcome(data)
    assert time.process_time() - start < LONGEST
    assert all(line.isprintable() for line in lines)
    assert capfd.readouterr() == ("", "")


def outcome(data: bytes) -> tuple[str, ...]:
    """The warnings about a file, or the error that refused it."""
    try:
        return read_jpeg(data).warnings
    except JpegxError as error:
        return (str(error),)


def test_a_failure_inside_libjpeg_is_told() -> None:
    with pytest.raises(UnreadableJpeg, match="coefficient is out of range"):
        read_jpeg(dc_overflow())


def test_every_truncation(capfd: pytest.CaptureFixture[str]) -> None:
    for data in (small(), progressive()):
        for length in range(0, len(data), 7):
            assert outcome(data[:length])
    assert capfd.readouterr() == ("", "")


# Reads files in a process of its own, which may crash, and prints what it took.
READ_ALL = """
import resource, sys, time
from pathlib import Path
from jpegx.errors import JpegxError
from jpegx.jpeg.file import read_jpeg
longest = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    try:
        read_jpeg(path)
    except JpegxError as error:
        assert str(error).isprintable()
    longest = max(longest, time.process_time() - start)
print(longest, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def read_all(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(folder)], check=False, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    longest, peak = run.stdout.split()
    assert float(longest) < LONGEST
    assert int(peak) * 1024 < LARGEST


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of hostile files is not here")
def test_corpus() -> None:
    read_all(CORPUS)


def test_mutations(tmp_path: Path) -> None:
    generator = random.Random(7)
    seeds = [small(), small(extra=segment(0xDD, b"\0\2")), progressive()]
    for number in range(600):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(generator.choice((1, 2, 8))):
            data[generator.randrange(len(data))] = generator.choice((0, 1, 0xC4, 0xDA, 0xFF, 77))
        (tmp_path / f"{number}.jpg").write_bytes(data)
    read_all(tmp_path)
