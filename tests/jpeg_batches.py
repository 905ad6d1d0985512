"""JPEG files made of tensors, for the tests of networks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.jpeg.transform import encode_dct, normalize

FACTORS = {
    "4:4:4": ((1, 1),) * 3,
    "4:2:0": ((2, 2), (1, 1), (1, 1)),
    "4:1:1": ((4, 1), (1, 1), (1, 1)),
    "gray": ((1, 1),),
}


def random_files(
    sampling: str, count: int, size: tuple[int, int], steps: tuple[int, int]
) -> JpegBatch:
    """Files of small random coefficients, of a size (height, width), of ``FACTORS``.

    ``steps``: the least of the tables, and the first that is too large.
    """
    space: ColorSpace = "gray" if sampling == "gray" else "ycbcr"
    layout = Layout(size[1], size[0], space, FACTORS[sampling])
    random = torch.Generator().manual_seed(1)
    shapes = [(count, *layout.blocks(c), 8, 8) for c in range(len(layout.factors))]
    values = [torch.randint(-2, 3, shape, generator=random) for shape in shapes]
    tables = [torch.randint(*steps, (count, 8, 8), generator=random) for _ in shapes]
    return batch_of(values, tables, layout)


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
