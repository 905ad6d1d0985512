"""A JPEG file as it is stored: quantized coefficients, quantization tables, layout, metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jpegx.errors import JpegxError, UnreadableJpeg
from jpegx.io.byte_source import load, source_name
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.metadata.collect import Metadata, read_metadata
from jpegx.jpeg.reader.damage import Messages, gray_share
from jpegx.jpeg.reader.frame import Header
from jpegx.jpeg.reader.libjpeg import read_coefficients
from jpegx.jpeg.reader.limits import DEFAULT_MAX_PIXELS, check_limits
from jpegx.jpeg.reader.parser import parse_header

__all__ = ["Metadata", "QuantizedJpeg", "read_jpeg"]


@dataclass(frozen=True)
class QuantizedJpeg:
    """A JPEG file read down to its quantized DCT coefficients. Arrays are read-only.

    ``coefficients``: one int16 array (block rows, block columns, 8, 8) per component.
    ``tables``: one int32 array (8, 8) of quantization steps (1 to 65535) per component.
    Both in natural (not zigzag) order: [vertical frequency, horizontal frequency].
    ``coding``: "baseline", "extended", "progressive", "arithmetic" or "arithmetic progressive".
    ``warnings``: one line each for what is damaged or was dropped; ``damage``: the former alone.
    ``restart_interval``: units between restart markers, 0 if there are none. ``scans``: number of
    scans. ``file_size``: bytes. ``stream``: the file without all that is not needed to show it.
    """

    layout: Layout
    coefficients: tuple[np.ndarray, ...]
    tables: tuple[np.ndarray, ...]
    coding: str
    metadata: Metadata = field(default_factory=Metadata)
    warnings: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    restart_interval: int = 0
    scans: int = 1
    file_size: int = 0
    stream: bytes = field(default=b"", repr=False)

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the file, metadata included, for each pixel of the picture."""
        return 8 * self.file_size / (self.layout.width * self.layout.height)


def read_jpeg(
    source: Path | bytes | BinaryIO,
    *,
    name: str | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    strict: bool = False,
) -> QuantizedJpeg:
    """Read a JPEG file down to its quantized coefficients.

    ``source``: a path, the file's bytes, or a binary stream such as standard input. ``name``: what
    error messages call it; by default the path. ``max_pixels``: larger pictures are refused before
    anything is allocated. A damaged file is read as far as it goes, with ``warnings`` that say what
    is missing; with ``strict`` it is refused.

    Raises UnreadableJpeg (broken, truncated in its headers, not a JPEG, no such file),
    UnsupportedJpeg (CMYK, 12-bit, lossless, hierarchical, too large), or JpegxError for a want of
    memory or disk. The message is one line that begins with the name.
    """
    with naming_errors(source_name(source, name)):
        return _read(load(source), max_pixels, strict)


@contextmanager
def naming_errors(called: str) -> Iterator[None]:
    """Put what a file is called at the beginning of what is wrong with it, and advice at the end.

    Of the errors that :func:`read_jpeg` raises.
    """
    try:
        yield
    except MemoryError:
        raise JpegxError(f"{called}: not enough memory for this picture") from None
    except UnreadableJpeg as error:
        advice = "" if ";" in str(error) else "; get an undamaged copy"
        raise UnreadableJpeg(f"{called}: {error}{advice}") from None
    except JpegxError as error:
        raise type(error)(f"{called}: {error}") from None


def _read(data: bytes, max_pixels: int, strict: bool) -> QuantizedJpeg:
    header = parse_header(data)
    check_limits(header, max_pixels)
    coefficients, tables, messages = read_coefficients(data, header)
    damage = _damage(header, coefficients[0], messages)
    if strict and damage:
        raise UnreadableJpeg(f"{damage[0]}; without --strict it is read as far as it goes")
    gray = header.layout.color_space == "gray"
    metadata, dropped = read_metadata(data, gray=gray, end=header.end)
    return QuantizedJpeg(
        layout=header.layout,
        coefficients=coefficients,
        tables=tables,
        coding=header.coding,
        metadata=metadata,
        warnings=(*damage, *header.notes, *messages.notes, *dropped),
        damage=damage,
        restart_interval=header.restart_interval,
        scans=len(header.scans),
        file_size=len(data),
        stream=b"".join(header.stream(data)),
    )


def _damage(header: Header, luma: np.ndarray, messages: Messages) -> tuple[str, ...]:
    damage = tuple(dict.fromkeys((*header.damage, *header.gaps(), *messages.damage)))
    share = 0.0 if not damage or header.is_arithmetic else gray_share(luma)
    # A truncated arithmetic scan decodes to noise, so only Huffman-coded files show their end.
    if share == 1:
        damage += ("the whole picture is missing (gray)",)
    elif share > 0:
        damage += (f"the bottom {100 * share:.2g}% of the picture is missing (gray)",)
    return damage
