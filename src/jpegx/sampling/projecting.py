"""Any picture made consistent with a file, and how far it had to be moved."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.compare_padded import verify_levels
from jpegx.consistency.padded import project_unclipped
from jpegx.consistency.recompress import recompress
from jpegx.io.formats import LEVELS, Form
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.color import luma, to_pixels
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import repeated
from jpegx.sampling.finishing import Finisher, Picture


@dataclass(frozen=True)
class Moved:
    """A picture made consistent with a file.

    ``pixels``: what it became, uint8 (height, width, channels), or uint16, or planes.
    ``different`` of ``total`` coefficients are not the file's (0: exact), by ``causes``;
    ``rmse_added``, ``consistency_rmse``: as of :class:`Picture`.
    ``rmse``, ``largest``: gray levels between what it became and what it was. ``outside``:
    coefficients that were outside their cells. ``consistency_before``: RMSE in gray levels (Man et
    al. 2022, Eq. 1) of what it was. ``contradiction``: how far plain projection (Eq. 11) alone
    moves each pixel, float32 (height, width), gray levels, mean of the channels; 0 where the
    picture did not contradict the file.
    """

    pixels: np.ndarray | PaddedPicture
    different: int
    total: int
    causes: Causes
    rmse_added: float | None
    consistency_rmse: float
    rmse: float
    largest: float
    outside: int
    consistency_before: float
    contradiction: np.ndarray


class PictureProjector:
    """Makes pictures, one after the other, consistent with one file.

    Raises UnsupportedJpeg for fractional sampling.
    """

    def __init__(self, jpeg: QuantizedJpeg, form: Form = "8-bit") -> None:
        self._jpeg = jpeg
        self._finisher = Finisher(jpeg, True, form, torch.device("cpu"))

    def __call__(self, pixels: np.ndarray | PaddedPicture) -> Moved:
        """The picture near another one that is consistent with the file.

        ``pixels``: (height, width, channels) of the file's size, 1 or 3 channels, uint8, uint16 (16
        bits), or float32 in gray levels, neither rounded nor clipped; or what reaches beyond the
        edge, of which is taken what it shows. Gray is taken for equal channels, and of colours for
        a gray file their luma.
        """
        layout = self._jpeg.layout
        if isinstance(pixels, PaddedPicture):
            pixels = shown_levels(pixels, layout)
        elif pixels.dtype == np.uint16:
            pixels = gray_levels(pixels)
        if pixels.shape[2] < layout.channels:
            pixels = pixels.repeat(layout.channels, axis=2)
        if pixels.dtype == np.uint8:
            again = recompress(self._jpeg, pixels)
            outside, before = sum(again.different), again.rmse
        else:
            report = verify_levels(self._jpeg, pixels)
            outside, before = report.causes.total, report.consistency_rmse
        image = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)
        if len(image) > layout.channels:
            image = luma(image[None])[0]
        _, picture = self._finisher.finish(image, "sample", 0)
        difference = self._shown(picture) - image
        height, width = image.shape[1:]
        plain = project_unclipped(image, *self._file)[:, :height, :width]
        return Moved(
            picture.pixels if picture.padded is None else picture.padded,
            picture.different,
            picture.total,
            picture.causes or Causes(),
            picture.rmse_added,
            picture.consistency_rmse,
            float(difference.square().mean().sqrt()),
            float(difference.abs().max()),
            outside,
            before,
            (plain - image).abs().mean(dim=0).numpy(),
        )

    @property
    def _file(self) -> tuple[list[Tensor], list[Tensor], Layout]:
        coefficients = [torch.tensor(grid) for grid in self._jpeg.coefficients]
        return coefficients, [torch.tensor(t) for t in self._jpeg.tables], self._jpeg.layout

    def _shown(self, picture: Picture) -> Tensor:
        """The picture, (C, H, W) in gray levels, as the file's forward model sees it."""
        padded, layout = picture.padded, self._jpeg.layout
        if padded is None:
            return torch.tensor(gray_levels(picture.pixels)).permute(2, 0, 1)
        return torch.tensor(shown_levels(padded, layout)).permute(2, 0, 1)


def gray_levels(pixels: np.ndarray) -> np.ndarray:
    """Pixels of 8 or 16 bits in gray levels, float32."""
    return pixels.astype(np.float32) / (LEVELS if pixels.dtype == np.uint16 else 1)


def shown_levels(picture: PaddedPicture, layout: Layout) -> np.ndarray:
    """What a picture with its padding shows: float32 (height, width, channels), gray levels.

    The samples of down-sampled components are repeated, as the forward model averages them.
    """
    planes = [torch.tensor(plane, dtype=torch.float32) for plane in picture.planes]
    width, height = picture.size
    if picture.space == "ycbcr":
        full = repeated([(plane - 128)[None] for plane in planes], layout)
        image = torch.cat([plane[:, :height, :width] for plane in full])
        pixels = to_pixels(image[None], layout)[0]
    else:
        pixels = torch.stack(planes)[:, :height, :width]
    shown: np.ndarray = pixels.permute(1, 2, 0).contiguous().numpy()
    return shown
