"""The mean of a regression's pictures of a file and of its mirror images."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegx.models.conditioning import UNIT, Conditions
from jpegx.models.generator import Encoded, Generator
from jpegx.models.noise import Noise

_MIRRORS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
# Float32, three channels each: mirrored image and components, the mean so far, the next picture.
_OWN_BYTES_PER_PIXEL = 48


class SelfEnsemble(Generator):
    """A regression whose picture is the mean of four: of the file and of its mirror images.

    To mirror a file changes no table and no cell, so each is as good an estimate, and their errors
    differ in part. Quarter turns, the other four of the geometric self-ensemble of Timofte et
    al. 2016, would give it tables that no encoder writes. The mean of pictures whose coefficients
    are within their cells is too. Raises ValueError if ``regression`` is a sampler.
    """

    def __init__(self, regression: Generator) -> None:
        if regression.stochastic:
            raise ValueError("the mean of samples of mirror images is no sample")
        super().__init__()
        self.regression = regression
        self.config = regression.config
        # Both are powers of two; mirrored, only whole units are aligned with the blocks.
        self.multiple = max(regression.multiple, UNIT)
        self.halo = regression.halo
        self.blend = regression.blend
        self.stochastic = False
        self.projects = False  # the regression's pictures are

    def encode(self, conditions: Conditions) -> Encoded:
        """The conditions alone: each mirror image is encoded when it is rendered."""
        return Encoded(conditions)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        conditions = encoded.conditions
        height, width = conditions.decoded.shape[2:]
        padding = (0, -width % UNIT, 0, -height % UNIT)
        whole = replace(conditions, decoded=F.pad(conditions.decoded, padding, mode="replicate"))
        total: Tensor | None = None
        for dims in _MIRRORS:
            image = self.regression(_mirrored(whole, dims), noise, samples).flip(dims)
            total = image if total is None else total.add_(image)
        assert total is not None
        return total[:, :, :height, :width].div_(len(_MIRRORS))

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        return self.regression.bytes_per_pixel(itemsize) + _OWN_BYTES_PER_PIXEL


def _mirrored(conditions: Conditions, dims: tuple[int, ...]) -> Conditions:
    """Conditions of the files mirrored along dimensions of the image: 2, 3, both or none."""
    decoded, components = (torch.flip(v, dims) for v in (conditions.decoded, conditions.components))
    return replace(conditions, decoded=decoded, components=components)
