"""What an original looks like as plain JPEG, over the qualities, and what a result is worth."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from jpegx.evaluation.benchmark.encoding import compress
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.metrics.equivalent_quality import JpegPoint, equivalent
from jpegx.metrics.ssim import ssim

_QUALITIES = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90)

Curve = list[tuple[int, int, float]]


def jpeg_curve(
    original: Tensor, qualities: Iterable[int], subsampling: str, *, smooth_chroma: bool
) -> Curve:
    """(quality, bytes, SSIM) of an original, uint8 (C, H, W), as plain JPEG files.

    At the ``qualities`` and some from 5 to 90. SSIM has the flat window, as Ehrlich et al. 2020
    (B.3) measures.
    """
    curve = []
    for quality in sorted({*_QUALITIES, *qualities}):
        data = compress(original, quality, subsampling)
        jpeg = read_jpeg(data)
        shown = torch.tensor(libjpeg.show(jpeg.stream, jpeg.layout, smooth_chroma=smooth_chroma))
        curve.append((quality, len(data), ssim(shown.permute(2, 0, 1), original, "uniform")))
    return curve


def worth(curve: Curve, quality: int, score: float) -> dict[str, float]:
    """The quality of the plain JPEG with this SSIM, and how many more bytes it has.

    Empty where no quality of the curve reaches or falls to the score.
    """
    points: Sequence[JpegPoint] = [JpegPoint(*point) for point in curve]
    same = equivalent(points, quality, score)
    return {} if same is None else {"equivalent": same.quality, "saved": same.saved}
