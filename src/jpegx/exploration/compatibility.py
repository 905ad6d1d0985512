"""Could a picture be the source of a file, unit by unit, and of which encoder?"""

from dataclasses import dataclass

import numpy as np

from jpegx.exploration.doubts import doubts
from jpegx.exploration.functionals import sums_of_units
from jpegx.exploration.selection import Selection, Touched, touched
from jpegx.exploration.statements import Answer, Can, Cannot, Statement
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg

# What differs between encoders, by the names of jpeglib's libraries: libjpeg 6b and turbo have the
# same integers; from version 7 on libjpeg scales chroma down in its DCT; mozjpeg quantizes by
# trellis, and takes more units than one into account.
ENCODERS = {
    "libjpeg 6b": "6b",
    "libjpeg-turbo": "turbo210",
    "libjpeg 9": "9f",
    "mozjpeg": "mozjpeg403",
}
_AS_THEY_ARE = (
    "encoders as jpeglib has them (libjpeg 6b and 9f, libjpeg-turbo 2.1.0, mozjpeg 4.0.3), with "
    "their default quantization and downsampling, and the file's tables; others may differ"
)
_SAME, _ELSE, _NONE = (90, 170, 90), (230, 190, 60), (200, 60, 60)


@dataclass(frozen=True)
class Compatibility:
    """For each encoder how many coefficients of each unit differ, (unit rows, unit columns)."""

    different: dict[str, np.ndarray]
    inside: np.ndarray

    def map(self, size: tuple[int, int], pixels: tuple[int, int]) -> np.ndarray:
        """A picture, uint8 (height, width, 3), of units of a size (width, height).

        Green where libjpeg 6b gives the file's coefficients, yellow where only another encoder
        does, red where none does; gray outside of what was asked about.
        """
        some = np.any([d == 0 for d in self.different.values()], axis=0)
        first = next(iter(self.different.values())) == 0
        shade = np.where(first[..., None], _SAME, np.where(some[..., None], _ELSE, _NONE))
        shade = np.where(self.inside[..., None], shade, 128).astype(np.uint8)
        large = shade.repeat(size[1], axis=0).repeat(size[0], axis=1)
        return np.ascontiguousarray(large[: pixels[1], : pixels[0]])


def find_compatible(jpeg: QuantizedJpeg, picture: np.ndarray, units: Touched) -> Compatibility:
    """Encode a picture, uint8 (height, width, channels), as each encoder does it by default."""
    layout = jpeg.layout
    inside = np.zeros(layout.mcu_grid, bool)
    inside[units.rows.start : units.rows.stop, units.columns.start : units.columns.stop] = (
        units.mask
    )
    different = {}
    for name, library in ENCODERS.items():
        encoded = libjpeg.encode(picture, layout, jpeg.tables, library)
        counts = sum(
            sums_of_units((ours != theirs).sum(axis=(2, 3)), component, layout)
            for component, (ours, theirs) in enumerate(zip(encoded, jpeg.coefficients, strict=True))
        )
        different[name] = np.where(inside, counts, 0).astype(np.int64)
    return Compatibility(different, inside)


def answer_compatible(
    jpeg: QuantizedJpeg, name: str, picture: np.ndarray, called: str, region: Selection
) -> tuple[Answer, Compatibility]:
    """Which encoders can have made the units of a region from a picture."""
    units = touched(region)
    found = find_compatible(jpeg, picture, units)
    number = int(found.inside.sum())
    statements: list[Statement] = []
    facts: dict[str, object] = {"units": number}
    for encoder, counts in found.different.items():
        wrong = int(np.count_nonzero(counts))
        coefficients = int(counts.sum())
        facts[encoder] = {"units_that_differ": wrong, "coefficients_that_differ": coefficients}
        if wrong:
            told = f"source {called}, encoded by {encoder}"
            method = f"encoded again: {wrong} of {number} units differ"
            statements.append(Cannot(told, "units", None, None, method))
        else:
            told = f"source {called}, encoded by {encoder}: units that differ"
            statements.append(Can(told, "", 0, 0, None, called))
    same = [encoder for encoder, counts in found.different.items() if not counts.any()]
    verdict = f"possible, by {', '.join(same)}" if same else "impossible with these encoders"
    answer = Answer(
        "compat",
        name,
        region.text,
        statements,
        facts,
        {"picture": called},
        (_AS_THEY_ARE, *doubts(jpeg)),
        verdict,
    )
    return answer, found
