"""Energy of bands of Y, Cb and Cr: how much fine and middle detail a picture has, in colour."""

from collections.abc import Mapping

import torch
from torch import Tensor

from jpegx.jpeg.color import to_components
from jpegx.jpeg.layout import ColorSpace, Layout
from jpegx.metrics.swd import laplacian_pyramid

COMPONENTS = ("Y", "Cb", "Cr")
# Levels of the Laplacian pyramid: periods up to about 8 pixels, and of about 8 to 26.
BANDS = {"fine": (0,), "middle": (1, 2)}

_FLOOR = 0.1  # gray levels: less than this is nothing to compare with


def band_amplitudes(image: Tensor) -> dict[str, float]:
    """Root mean squares of each band of each component, by "fine Y", "middle Cb" and so on.

    ``image``: (C, H, W), gray levels 0 to 255, at least 16 pixels a side; with 1 channel there is
    only Y. In gray levels.
    """
    names = COMPONENTS[: len(image)]
    space: ColorSpace = "ycbcr" if len(image) == 3 else "gray"
    layout = Layout(image.shape[2], image.shape[1], space, ((1, 1),) * len(image))
    levels = laplacian_pyramid(to_components(image[None].float(), layout)[0])
    squares = torch.stack([level.square().mean(dim=(1, 2)) for level in levels])
    return {
        f"{band} {name}": float(squares[list(chosen), index].sum().sqrt())
        for index, name in enumerate(names)
        for band, chosen in BANDS.items()
    }


def relative_amplitudes(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    """Amplitude of each band of a picture relative to the original's: 1 is right, 0 is none.

    Both as :func:`band_amplitudes` gives them, with the same bands. A tenth of a gray level of
    noise is added to both, so that a picture without colour has no infinite ratio.
    """
    return {
        band: ((ours[band] ** 2 + _FLOOR**2) / (value**2 + _FLOOR**2)) ** 0.5
        for band, value in theirs.items()
    }
