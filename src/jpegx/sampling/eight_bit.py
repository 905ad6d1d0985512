"""8-bit pictures of the real-valued images that a source draws for a file."""

import torch
from torch import Tensor

from jpegx.consistency.exact import Exact, exact
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

    def rounded(self, image: Tensor) -> Tensor:
        """The image as it is, uint8 (C, H, W)."""
        return image.to(self._device).round().clamp(0, 255).to(torch.uint8)

    def projected(self, image: Tensor) -> Exact:
        """The image made consistent with the file: see :func:`jpegx.consistency.exact.exact`."""
        return exact(image.to(self._device), self.coefficients, self.tables, self.layout)
