"""A JPEG file in words and plain values, for people and for JSON."""

from dataclasses import dataclass

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.tables import estimate_quality

# J:a:b names by the (horizontal, vertical) reduction that both chroma components share.
_NAMES = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
    (4, 2): "4:1:0",
}
_COLORS = {"gray": "grayscale", "ycbcr": "YCbCr", "rgb": "RGB"}


@dataclass(frozen=True)
class Description:
    """What ``jpegx info`` tells; every value can be written as JSON.

    ``factors``: (horizontal, vertical) per component. ``quality``: nearest IJG quality, None if the
    tables are unlike the IJG's. ``tables``: 8 rows of 8 steps per component. ``metadata``: bytes of
    each kind, 0 if there is none, and the density in dots per inch.
    """

    width: int
    height: int
    megapixels: float
    file_size: int
    bits_per_pixel: float
    color: str
    sampling: str
    factors: tuple[tuple[int, int], ...]
    coding: str
    scans: int
    restart_interval: int
    quality: int | None
    quality_exact: bool
    tables: dict[str, list[list[int]]]
    metadata: dict[str, int]
    dpi: tuple[float, float] | None
    iptc: bool
    warnings: tuple[str, ...]


def describe(jpeg: QuantizedJpeg) -> Description:
    """The description of a file."""
    layout, metadata = jpeg.layout, jpeg.metadata
    estimate = estimate_quality(jpeg.tables)
    kept = {"exif": metadata.exif, "icc_profile": metadata.icc_profile, "xmp": metadata.xmp}
    return Description(
        width=layout.width,
        height=layout.height,
        megapixels=round(layout.width * layout.height / 1e6, 3),
        file_size=jpeg.file_size,
        bits_per_pixel=round(jpeg.bits_per_pixel, 3),
        color=_COLORS[layout.color_space],
        sampling=sampling_name(layout),
        factors=layout.factors,
        coding=jpeg.coding,
        scans=jpeg.scans,
        restart_interval=jpeg.restart_interval,
        quality=estimate.quality if estimate else None,
        quality_exact=estimate.exact if estimate else False,
        tables={n: t.tolist() for n, t in zip(layout.names, jpeg.tables, strict=True)},
        metadata={name: len(value or b"") for name, value in kept.items()},
        dpi=metadata.dpi,
        iptc=metadata.has_iptc,
        warnings=jpeg.warnings,
    )


def sampling_name(layout: Layout) -> str:
    """The sampling in words, for example "4:2:0 (2x2,1x1,1x1)": factors are horizontal x vertical.

    The name is left out where the field has none, and a gray file has only its factors.
    """
    factors = ",".join(f"{h}x{v}" for h, v in layout.factors)
    if layout.color_space == "gray" or layout.is_fractional:
        return factors
    luma, *chroma = (layout.reduction(component) for component in range(3))
    name = _NAMES.get(chroma[0]) if luma == (1, 1) and chroma[0] == chroma[1] else None
    return f"{name} ({factors})" if name else factors
