"""Samples of a generator in a part of a picture, differentiable: what exploration is made of."""

from math import lcm

import torch
from torch import Tensor

from jpegx.errors import JpegxError, UnsupportedJpeg
from jpegx.jpeg.box import Box
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models.generator import Generator
from jpegx.models.noise import Noise

# Pixels around the part in which noise is drawn: what lies farther changes next to nothing there.
MARGIN = 24


class Window:
    """The part of a file in which a generator's samples are drawn.

    ``box``: begins, and ends, where units of the file do. What all samples share is computed with
    the whole halo around it, once; what each has of its own with :data:`MARGIN` pixels, so that it
    is that of the whole picture to within little. Raises UnsupportedJpeg if the generator cannot
    decode such files.
    """

    def __init__(self, generator: Generator, files: JpegBatch, box: Box) -> None:
        reason = generator.supports(files.layout)
        if reason is not None:
            raise UnsupportedJpeg(f"{reason}, which {generator.family} cannot decode")
        self.generator = generator
        seen = _grown(generator, files, box, generator.needs.halo)
        drawn = _grown(generator, files, box, min(MARGIN, generator.needs.halo))
        device = next(generator.parameters()).device
        with torch.no_grad():
            encoded = generator.encode([files.crop(seen).to(device)])
            self._encoded = encoded.crop(drawn.inside(seen))
        self._inner = box.inside(drawn)
        self._gray = files.layout.channels == 1

    def render(self, noise: Noise) -> Tensor:
        """The sample of a noise in the box, float32 (C, H, W) in gray levels, on the CPU.

        Neither rounded nor clipped; differentiable where the noise is. Raises JpegxError if the
        weights give numbers that are not finite.
        """
        image = self._inner.of(self.generator.render(self._encoded, noise)[0]) * 255
        if not image.isfinite().all():
            raise JpegxError("the weights of this model give no picture of it; take others")
        return (image.mean(dim=0, keepdim=True) if self._gray else image).cpu()


def _grown(generator: Generator, files: JpegBatch, box: Box, by: int) -> Box:
    layout = files.layout
    multiple = lcm(generator.needs.multiple, *layout.mcu_size)
    return Box(
        max(0, (box.top - by) // multiple * multiple),
        max(0, (box.left - by) // multiple * multiple),
        min(layout.height, -(-(box.bottom + by) // multiple) * multiple),
        min(layout.width, -(-(box.right + by) // multiple) * multiple),
    )
