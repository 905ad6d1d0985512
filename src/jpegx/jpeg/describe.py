"""A JPEG file in words and plain values, for people and for JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from jpegx.errors import UnsupportedJpeg, printable
from jpegx.io.byte_source import load
from jpegx.jpeg.file import QuantizedJpeg, naming_errors, read_jpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.metadata.collect import Metadata, read_metadata
from jpegx.jpeg.metadata.icc import color_space, profile_name
from jpegx.jpeg.reader.parser import parse_header
from jpegx.jpeg.reader.survey import survey
from jpegx.jpeg.tables import estimate_quality
from jpegx.jpeg.trellis import looks_like_trellis

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

    ``precision``: bits a channel. ``factors``: (horizontal, vertical) per component. ``quality``:
    nearest IJG quality, None if the tables are unlike the IJG's. ``tables``: 8 rows of 8 steps per
    component. ``metadata``: bytes of each kind, 0 if there is none. ``profile``: name and colour
    space of the ICC profile. ``dpi``: the density in dots per inch, ``aspect``: its ratio without a
    unit. ``others``: what else is in the file, in words. ``refused``: why the file is not decoded.
    ``trellis``: whether it looks like trellis quantization (:mod:`jpegx.jpeg.trellis`).
    """

    width: int
    height: int
    megapixels: float
    file_size: int
    bits_per_pixel: float | None
    precision: int
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
    profile: str | None
    dpi: tuple[float, float] | None
    aspect: tuple[int, int] | None
    iptc: bool
    comments: tuple[str, ...]
    others: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: str | None
    trellis: bool = False


def describe_file(source: Path | BinaryIO, *, name: str, max_pixels: int) -> Description:
    """The description of a file, also of a kind that is not decoded; ``refused`` then says why.

    Raises what :func:`jpegx.jpeg.file.read_jpeg` does, but UnsupportedJpeg only for a picture that
    is too large.
    """
    with naming_errors(printable(name)):
        data = load(source)
        try:
            parse_header(data)
        except UnsupportedJpeg as error:
            return _describe_refused(data, str(error))
    return describe(read_jpeg(data, name=name, max_pixels=max_pixels))


def describe(jpeg: QuantizedJpeg) -> Description:
    """The description of a file."""
    layout = jpeg.layout
    estimate = estimate_quality(jpeg.tables)
    return Description(
        width=layout.width,
        height=layout.height,
        megapixels=round(layout.width * layout.height / 1e6, 3),
        file_size=jpeg.file_size,
        bits_per_pixel=round(jpeg.bits_per_pixel, 3),
        precision=8,
        color=_COLORS[layout.color_space],
        sampling=sampling_name(layout),
        factors=layout.factors,
        coding=jpeg.coding,
        scans=jpeg.scans,
        restart_interval=jpeg.restart_interval,
        quality=estimate.quality if estimate else None,
        quality_exact=estimate.exact if estimate else False,
        tables={n: t.tolist() for n, t in zip(layout.names, jpeg.tables, strict=True)},
        warnings=jpeg.warnings,
        refused=None,
        trellis=looks_like_trellis(jpeg.coefficients[0], jpeg.tables[0]),
        **_beside(jpeg.metadata),
    )


def _describe_refused(data: bytes, reason: str) -> Description:
    found = survey(data)
    metadata, notes = read_metadata(data, gray=None, end=found.end)
    pixels = found.width * found.height
    predictor = f", predictor {found.predictor}" if found.predictor else ""
    return Description(
        width=found.width,
        height=found.height,
        megapixels=round(pixels / 1e6, 3),
        file_size=len(data),
        bits_per_pixel=round(8 * len(data) / pixels, 3) if pixels else None,
        precision=found.precision,
        color=found.color,
        sampling=",".join(f"{h}x{v}" for h, v in found.factors),
        factors=found.factors,
        coding=f"{found.process}{predictor}",
        scans=found.scans,
        restart_interval=found.restart_interval,
        quality=None,
        quality_exact=False,
        tables={str(number): t.tolist() for number, t in enumerate(found.tables, 1)},
        warnings=notes,
        refused=reason,
        **_beside(metadata),
    )


def _beside(metadata: Metadata) -> dict[str, Any]:
    """The fields of a description that tell of the metadata."""
    profile = metadata.icc_profile
    kept = {
        "exif": metadata.exif,
        "icc_profile": profile,
        "xmp": metadata.xmp,
        "photoshop": metadata.photoshop,
    }
    named = None
    if profile is not None:
        named = ", ".join(filter(None, (profile_name(profile), color_space(profile))))
    return {
        "metadata": {kind: len(value or b"") for kind, value in kept.items()},
        "profile": named,
        "dpi": metadata.dpi,
        "aspect": metadata.aspect,
        "iptc": metadata.has_iptc,
        "comments": metadata.comments,
        "others": metadata.others,
    }


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
