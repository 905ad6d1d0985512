"""8-bit pictures of the real-valued images that a source draws for a file."""

from functools import cached_property

import torch
from torch import Tensor

from jpegx.consistency.exact import Exact, Progress, Projector
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch


class EightBit:
    """Makes images (C, H, W) of one file, gray levels, into uint8 pixels on a device.

    ``coefficients``, ``tables``: those of the file, on the device. ``progress``: as of Projector.
    """

    def __init__(
        self, jpeg: QuantizedJpeg, device: torch.device, progress: Progress | None = None
    ) -> None:
        files = JpegBatch.of_file(jpeg).to(device)
        self.layout = files.layout
        self.coefficients = [values[0] for values in files.coefficients]
        self.tables = [table[0] for table in files.tables]
        self._device = device
        self._progress = progress

    @cached_property
    def _projector(self) -> Projector:
        return Projector(self.coefficients, self.tables, self.layout, self._progress)

    def rounded(self, image: Tensor) -> Tensor:
        """The image as it is, uint8 (C, H, W)."""
        return image.to(self._device).round().clamp(0, 255).to(torch.uint8)

    def projected(self, image: Tensor) -> Exact:
        """The image made consistent: see :class:`jpegx.consistency.exact.Projector`."""
        return self._projector(image.to(self._device))
