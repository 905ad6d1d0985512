"""Pictures that can be written of the real-valued images that a source draws for a file."""

from functools import cached_property

import torch
from torch import Tensor

from jpegx.consistency.deep import project_deep
from jpegx.consistency.exact import Exact, Projector
from jpegx.consistency.padded import project_planes, project_unclipped
from jpegx.consistency.region_solver import Searching
from jpegx.errors import UnsupportedJpeg
from jpegx.io.tiled_tiff import REDUCTIONS, PaddedPicture
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch


class EightBit:
    """Makes images (C, H, W) of one file, gray levels, into uint8 pixels on a device.

    ``coefficients``, ``tables``: those of the file, on the device.
    """

    def __init__(self, jpeg: QuantizedJpeg, device: torch.device) -> None:
        files = JpegBatch.of_file(jpeg).to(device)
        self.layout = files.layout
        self.coefficients = [values[0] for values in files.coefficients]
        self.tables = [table[0] for table in files.tables]
        self._device = device

    @cached_property
    def _projector(self) -> Projector:
        return Projector(self.coefficients, self.tables, self.layout)

    def rounded(self, image: Tensor) -> Tensor:
        """The image as it is, uint8 (C, H, W)."""
        return image.to(self._device).round().clamp(0, 255).to(torch.uint8)

    def projected(self, image: Tensor, searching: Searching | None = None) -> Exact:
        """The image made consistent, in RGB: see :class:`jpegx.consistency.exact.Projector`."""
        return self._projector(image.to(self._device), searching)

    def deep(self, image: Tensor) -> Tensor:
        """The image made consistent, in RGB of 16 bits: see :func:`project_deep`."""
        return project_deep(image.to(self._device), self.coefficients, self.tables, self.layout)

    def clamped(self, image: Tensor) -> Tensor:
        """The plain projection of Eq. 11 (Man et al. 2022), in uint8 (C, H, W): not exact."""
        file = (self.coefficients, self.tables, self.layout)
        found = project_unclipped(image.to(self._device), *file, margin=0)
        return self.rounded(found[:, : self.layout.height, : self.layout.width])

    def planes(self, image: Tensor) -> PaddedPicture:
        """The image made consistent, in the file's own colours and sampling, with its padding.

        Raises UnsupportedJpeg if TIFF has no such sampling.
        """
        reductions = {self.layout.reduction(c) for c in range(1, len(self.layout.factors))}
        only = reductions.pop() if reductions else (1, 1)
        is_held = not reductions and only in (REDUCTIONS if self._is_ycbcr else {(1, 1)})
        if not is_held or self.layout.reduction(0) != (1, 1):
            raise UnsupportedJpeg("its sampling does not fit into TIFF; use --float")
        file = (self.coefficients, self.tables, self.layout)
        found = project_planes(image.to(self._device), *file)
        return self._padded(found, self.layout.color_space, only)

    def unclipped(self, image: Tensor) -> PaddedPicture:
        """The plain projection of Eq. 11 (Man et al. 2022), RGB or gray, 32-bit, not clipped."""
        file = (self.coefficients, self.tables, self.layout)
        found = project_unclipped(image.to(self._device), *file)
        return self._padded(list(found), "gray" if self.layout.channels == 1 else "rgb", (1, 1))

    @property
    def _is_ycbcr(self) -> bool:
        return self.layout.color_space == "ycbcr"

    def _padded(
        self, planes: list[Tensor], space: str, reduction: tuple[int, int]
    ) -> PaddedPicture:
        return PaddedPicture(
            tuple(plane.cpu().numpy() for plane in planes),
            (self.layout.width, self.layout.height),
            space,
            reduction,
            self.layout.mcu_size,
        )
