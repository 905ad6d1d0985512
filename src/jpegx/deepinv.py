"""JPEG files for DeepInverse (https://deepinv.org), whose samplers then run on them.

Needs the extra ``deepinv``. ``JpegPhysics`` is a file as their forward operator, ``CellIndicator``
and ``CellDistance`` are what it says about an image, as data fidelities. Without the extra the
import raises ImportError.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from jpegx.jpeg.color import change_in_pixels
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.transform import (
    decode_dct,
    dequantize,
    encode_dct,
    normalize,
    planes,
    repeated,
    round_straight_through,
)
from jpegx.models.projection import into_ranges

try:
    from deepinv.optim import DataFidelity
    from deepinv.optim.distance import Distance
    from deepinv.physics import LinearPhysics
except ModuleNotFoundError:
    raise ImportError("jpegx.deepinv needs DeepInverse: pip install 'jpegx[deepinv]'") from None

_ROUNDS = 20  # projections of units that are cut by the edge of the picture
_INSIDE = 1e-3  # steps beyond a cell that are rounding of 32-bit numbers


class JpegPhysics(LinearPhysics):
    """A JPEG file: what it measures of an image (N, channels, height, width), 0 to 1.

    The operator ``A`` is linear: colour conversion, reduction of the chroma, edge replication and
    block DCT, divided by the file's steps (Man et al. 2022, section 3.1); its adjoint is exact. It
    gives all coefficients of a file, (N, coefficients), one component after the other; unlike
    those of a file they are not centred on gray. The sensor rounds them as an encoder does, with
    the gradient of the identity. ``measurement`` is what the file itself holds, (1, coefficients):
    the image was within half of it, which as noise has a standard deviation of 0.29.

    ``jpeg``: of any size, sampling and colours that :func:`jpegx.read_jpeg` reads, but for
    fractional sampling, for which ValueError is raised. Moves to devices as other modules do.
    """

    def __init__(self, jpeg: QuantizedJpeg) -> None:
        layout = jpeg.layout
        self._layout = layout
        self._shapes = [(*layout.blocks(c), 8, 8) for c in range(len(layout.factors))]
        size = (layout.channels, layout.height, layout.width)
        super().__init__(img_size=size, sensor_model=self._round)
        tables = torch.stack([torch.tensor(t, dtype=torch.float32) for t in jpeg.tables])
        self.register_buffer("_steps", tables)
        self.register_buffer("_gray", self.A(torch.full((1, *size), 128 / 255)))
        held = self._joined([torch.tensor(grid)[None].float() for grid in jpeg.coefficients])
        self.register_buffer("measurement", held + self._gray)

    def A(self, x: Tensor, **kwargs: object) -> Tensor:  # noqa: N802 (the name in DeepInverse)
        """Coefficients in steps, (N, coefficients), not rounded, of images."""
        return self._joined(normalize(encode_dct(x * 255 + 128, self._layout), self._tables(x)))

    def A_adjoint(self, y: Tensor, **kwargs: object) -> Tensor:  # noqa: N802 (as above)
        """The transpose of ``A``, of (N, coefficients)."""
        with torch.enable_grad():
            x = y.new_zeros(len(y), *self.img_size, requires_grad=True)
            (back,) = torch.autograd.grad(self.A(x), x, y, create_graph=y.requires_grad)
        return back

    def A_dagger(self, y: Tensor, **kwargs: object) -> Tensor:  # noqa: N802 (as above)
        """The decoded images, the samples of reduced components repeated: ``A`` gives back y.

        Of all such images the nearest to gray in Y, Cb and Cr, not in RGB.
        """
        grids = dequantize(self._parted(y - self._gray), self._tables(y))
        full = repeated(planes(grids), self._layout)
        seen = [part[:, : self._layout.height, : self._layout.width] for part in full]
        return (change_in_pixels(torch.stack(seen, dim=1), self._layout) + 128) / 255

    def decode(self, y: Tensor) -> Tensor:
        """The decoded images as programs show them, with smooth chroma; not clipped."""
        grids = dequantize(self._parted(y - self._gray), self._tables(y))
        return decode_dct(grids, self._layout) / 255

    def project(self, x: Tensor, y: Tensor) -> Tensor:
        """The images x with each coefficient in its cell, within half a step of y.

        Eq. 11 of Man et al. 2022: the nearest such images in Y, Cb, Cr at the file's own sampling
        (in RGB for gray and RGB files). Neither rounded nor clipped: :func:`jpegx.project` makes
        an exact 8-bit picture of what comes out in the end. Units that the edge of the picture cuts
        are projected again and again; some of their coefficients stay a tenth of a step outside.
        """
        low = dequantize(self._parted(y - self._gray - 0.5), self._tables(y))
        high = dequantize(self._parted(y - self._gray + 0.5), self._tables(y))
        ranges = list(zip(low, high, strict=True))
        for _ in range(_ROUNDS):
            x = into_ranges(ranges, x * 255, self._layout) / 255
            if (_beyond(self.A(x), y) <= _INSIDE).all():
                break
        return x

    def _round(self, y: Tensor) -> Tensor:
        gray: Tensor = self._gray
        return round_straight_through(y - gray) + gray

    def _tables(self, like: Tensor) -> list[Tensor]:
        return list(self._steps.to(like))

    def _joined(self, grids: Sequence[Tensor]) -> Tensor:
        return torch.cat([grid.flatten(1) for grid in grids], dim=1)

    def _parted(self, y: Tensor) -> list[Tensor]:
        sizes = [rows * columns * 64 for rows, columns, _, _ in self._shapes]
        parts = zip(y.split(sizes, dim=1), self._shapes, strict=True)
        return [part.unflatten(1, shape) for part, shape in parts]


def _beyond(u: Tensor, y: Tensor) -> Tensor:
    """How far coefficients are outside the cells around y, in steps."""
    return ((u - y).abs() - 0.5).clamp(min=0)


class _Cells(Distance):
    """0 in the cells around y, infinity elsewhere."""

    def fn(self, x: Tensor, y: Tensor, *args: object, **kwargs: object) -> Tensor:
        outside = (_beyond(x, y) > _INSIDE).flatten(1).any(dim=1)
        return x.new_zeros(len(x)).masked_fill(outside, torch.inf)

    def grad(self, x: Tensor, y: Tensor, *args: object, **kwargs: object) -> Tensor:
        raise NotImplementedError("a cell has no gradient: CellDistance has")

    def prox(self, x: Tensor, y: Tensor, *args: object, **kwargs: object) -> Tensor:
        return torch.clamp(x, y - 0.5, y + 0.5)


class CellIndicator(DataFidelity):
    """What a file says, no more and no less: 0 for images that it could have come from, else inf.

    For methods that split prior and data (HQS, ADMM, DRS, PDCP): ``prox`` is
    :meth:`JpegPhysics.project`, whatever ``gamma``; ``prox_d`` clamps coefficients.
    """

    def __init__(self) -> None:
        super().__init__()
        self.d = _Cells()

    def prox(
        self, x: Tensor, y: Tensor, physics: JpegPhysics, *args: object, **kwargs: object
    ) -> Tensor:
        """The images x in the cells around y."""
        return physics.project(x, y)


class CellDistance(DataFidelity):
    """Half the squared distance from the cells in steps, divided by the square of ``sigma``.

    For methods that follow gradients (Langevin, gradient descent). 0 in the cells, where
    :class:`deepinv.optim.L2` pulls to their middles. Its gradient's Lipschitz constant is
    ``physics.compute_sqnorm(x) / sigma**2``.
    """

    def __init__(self, sigma: float = 0.1) -> None:
        super().__init__(d=lambda u, y: _beyond(u, y).square().flatten(1).sum(1) / (2 * sigma**2))
