"""Inputs of any length: devices and endless streams are not read to no end."""

import io
import os
from pathlib import Path

import pytest

from conftest import MakeJpeg, Run
from jpegx.errors import UnreadableJpeg
from jpegx.io.byte_source import load


class Endless(io.RawIOBase):
    """A beginning, and then one byte for ever; counts what is read."""

    def __init__(self, begin: bytes, rest: bytes) -> None:
        self._begin = io.BytesIO(begin)
        self._rest = rest
        self.given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        assert size >= 0, "an endless stream cannot be read to its end"
        data = self._begin.read(size) or self._rest * min(size, 1 << 16)
        self.given += len(data)
        return data


@pytest.mark.parametrize(
    ("begin", "rest", "most"),
    [
        (b"", b"\0", 2),
        (b"GIF89a", b"x", 2),
        (b"\xff\xd8", b"\0", 1 << 20),
        (b"\xff\xd8", b"\xff", 1 << 20),
    ],
)
def test_endless_streams(begin: bytes, rest: bytes, most: int) -> None:
    stream = Endless(begin, rest)
    try:
        assert len(load(stream)) <= most  # type: ignore[arg-type]
    except UnreadableJpeg as error:
        assert "no marker in its first MiB" in str(error)  # noqa: PT017
    assert stream.given <= most + (1 << 16)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_devices(run: Run, tmp_path: Path, device: str) -> None:
    for words in (("decode", device, "-o", tmp_path), ("info", device), ("verify", device, device)):
        result = run(*words)
        assert result.exit_code in (1, 2)
        assert result.stderr.startswith(f"{device}: ")
        assert result.stderr.count("\n") == 1


def test_pipes_as_names(run: Run, make_jpeg: MakeJpeg) -> None:
    reading, writing = os.pipe()
    os.write(writing, make_jpeg("a.jpg").read_bytes())
    os.close(writing)
    assert run("info", f"/dev/fd/{reading}").exit_code == 0
    os.close(reading)
