"""A JPEG file as it is stored: quantized coefficients, quantization tables, layout, metadata."""

from dataclasses import dataclass, field

import numpy as np

from jpegx.jpeg.layout import Layout


@dataclass(frozen=True)
class Metadata:
    """What travels beside the pixels, as raw bytes; None where the file has none."""

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True)
class QuantizedJpeg:
    """A JPEG file read down to its quantized DCT coefficients. Arrays are read-only.

    ``coefficients``: one int16 array (block rows, block columns, 8, 8) per component.
    ``tables``: one int32 array (8, 8) of quantization steps (1 to 65535) per component.
    Both in natural (not zigzag) order: [vertical frequency, horizontal frequency].
    """

    layout: Layout
    coefficients: tuple[np.ndarray, ...]
    tables: tuple[np.ndarray, ...]
    coding: str
    metadata: Metadata = field(default_factory=Metadata)
    warnings: tuple[str, ...] = ()
