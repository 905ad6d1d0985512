"""Generators that change coefficients, not pixels: their projection is a clamp."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.transform import decode_dct
from jpegx.models.files import joined
from jpegx.models.generator import Encoded, Generator
from jpegx.models.layers import repeat_samples
from jpegx.models.noise import Noise
from jpegx.models.projection import hold, project


class CoefficientGenerator(Generator):
    """A network that gives the DCT coefficients of its pictures, in the file's own components.

    Where it is ``consistent``, they are taken into their cells (Eq. 11 of Man et al. 2022, exact
    here but for what rounding and clipping to 8 bits changes). Components that it gives at another
    resolution than the file has them (:meth:`_layout_of`) have no cells of their own: then the
    picture is projected.
    """

    def supports(self, layout: Layout) -> str | None:
        """Fractional sampling has no grid that blocks of all components share."""
        return "its sampling ratio is fractional" if layout.is_fractional else None

    @abstractmethod
    def _coefficients(
        self, encoded: Encoded, noise: Noise, samples: int
    ) -> Sequence[Sequence[Tensor]]:
        """For each batch of files and component (N * samples, block rows, block columns, 8, 8).

        DCT units: what is quantized, times the step; on the grids of :meth:`_layout_of`.
        """

    def _layout_of(self, layout: Layout) -> Layout:
        """The layout of what the network gives for files of a layout: their own."""
        return layout

    def render(self, encoded: Encoded, noise: Noise, samples: int = 1) -> Tensor:
        """Images: see :meth:`Generator.render`."""
        return self._images(encoded, noise, samples)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        device = encoded.files[0].device.type
        drawn = self._coefficients(encoded, noise, samples)
        with torch.autocast(device, enabled=False):
            pairs = zip(encoded.files, drawn, strict=True)
            return joined([self._decoded(batch, values, samples) for batch, values in pairs])

    def _decoded(self, files: JpegBatch, values: Sequence[Tensor], samples: int) -> Tensor:
        grids = [grid.float() for grid in values]
        shown = self._layout_of(files.layout)
        if self.needs.consistent and shown == files.layout:
            cells = zip(grids, files.cell(), strict=True)
            grids = [
                hold(
                    grid,
                    repeat_samples(walls.centre - walls.half, samples),
                    repeat_samples(walls.centre + walls.half, samples),
                )
                for grid, walls in cells
            ]
        images = decode_dct(grids, shown).expand(-1, 3, -1, -1) / 255
        if self.needs.consistent and shown != files.layout:
            images = project(images, [files], samples)
        return images
