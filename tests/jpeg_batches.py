"""JPEG files made of tensors, for the tests of networks."""

from collections.abc import Sequence

from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import encode_dct, normalize


def batch_of(coefficients: Sequence[Tensor], tables: Sequence[Tensor], layout: Layout) -> JpegBatch:
    """Files of these coefficients; ``tables``: (8, 8) each, or one for each file."""
    count = len(coefficients[0])
    each = tuple(t if t.dim() == 3 else t.expand(count, 8, 8) for t in tables)
    return JpegBatch(layout, tuple(coefficients), each)


def showing(images: Tensor, step: float = 1.0) -> JpegBatch:
    """Files, not down-sampled, that are decoded to just these images (N, 3, H, W), 0 to 1."""
    layout = Layout(images.shape[3], images.shape[2], "ycbcr", ((1, 1),) * 3)
    tables = [images.new_full((8, 8), step)] * 3
    return batch_of(normalize(encode_dct(images * 255, layout), tables), tables, layout)
