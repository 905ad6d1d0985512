"""What is known of a file that makes statements about its source weaker: notes for answers."""

from math import ceil

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.trellis import looks_like_trellis

_BLOCKS = 1 << 15  # that are looked at, about


def doubts(jpeg: QuantizedJpeg) -> tuple[str, ...]:
    """One line each: that it is damaged, or looks like the work of an encoder with trellis."""
    found = []
    if jpeg.damage:
        found.append(
            f"the file is damaged ({'; '.join(jpeg.damage)}): what is said holds for what was read "
            "of it; where coefficients are missing or wrong it says nothing of the source"
        )
    luma = jpeg.coefficients[0]
    step = ceil((luma.shape[0] * luma.shape[1] / _BLOCKS) ** 0.5)
    if looks_like_trellis(luma[::step, ::step], jpeg.tables[0]):
        found.append(
            "the file looks like trellis quantization: its source may be beyond what is certified "
            "(bounds --slack)"
        )
    return tuple(found)
