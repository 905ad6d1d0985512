"""Parts of pictures that measures of whole sets are taken on: one square each, or patches."""

import torch
import torch.nn.functional as F
from torch import Tensor


def center_square(image: Tensor, size: int) -> Tensor:
    """The centred square of a picture, reduced to ``size`` pixels a side: uint8 (C, size, size).

    The largest centred square, reduced by an antialiased bicubic filter, as is common for ImageNet.
    (Man et al. 2022 do not say that they crop or reduce their test pictures.) ``image``: uint8 (C,
    H, W). Raises ValueError if a side is below ``size``: nothing is enlarged.
    """
    side = min(image.shape[1:])
    if side < size:
        raise ValueError(f"a picture of {tuple(image.shape[1:])} holds no square of {size}")
    top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
    square = image[:, top : top + side, left : left + side]
    if side == size:
        return square
    reduced = F.interpolate(
        square[None].float(), (size, size), mode="bicubic", antialias=True, align_corners=False
    )
    return reduced[0].round_().clamp_(0, 255).to(torch.uint8)


def patches(image: Tensor, size: int) -> Tensor:
    """All patches of a picture that do not overlap, (K, C, size, size), row by row.

    From the top left corner; what is left over at the right and bottom is not used. ``image``:
    (C, H, W) of any type, which is kept. K is 0 if a side is below ``size``.
    """
    channels, height, width = image.shape
    rows, columns = height // size, width // size
    whole = image[:, : rows * size, : columns * size]
    blocks = whole.reshape(channels, rows, size, columns, size).permute(1, 3, 0, 2, 4)
    return blocks.flatten(0, 1)
