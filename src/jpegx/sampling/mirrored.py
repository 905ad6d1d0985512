"""The mean of a regression's pictures of a file and of its mirror images."""

from dataclasses import replace

from torch import Tensor

from jpegx.jpeg.layout import Layout
from jpegx.models.files import Files
from jpegx.models.generator import Encoded, Generator
from jpegx.models.noise import Noise
from jpegx.sampling.network import NetworkSampler
from jpegx.sampling.spec import MeaninglessOption, SamplerSpec

_MIRRORS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
# Float32, three channels each: mirrored image, its coefficients, the mean so far, the next picture.
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
        self.needs = replace(regression.needs, consistent=False)  # the regression's pictures are

    def supports(self, layout: Layout) -> str | None:
        """What the regression supports."""
        return self.regression.supports(layout)

    def encode(self, files: Files) -> Encoded:
        """The files alone: each mirror image is encoded when it is rendered."""
        return Encoded(files)

    def _images(self, encoded: Encoded, noise: Noise, samples: int) -> Tensor:
        layout = encoded.files[0].layout
        total: Tensor | None = None
        for dims in _MIRRORS:
            mirrored = [batch.mirrored(dims, self.needs.multiple) for batch in encoded.files]
            image = self.regression(mirrored, noise, samples).flip(dims)
            image = image[:, :, : layout.height, : layout.width]
            total = image if total is None else total + image
        assert total is not None
        return total / len(_MIRRORS)

    def bytes_per_pixel(self, itemsize: int) -> int:
        """Memory at the peak of rendering: see :meth:`Generator.bytes_per_pixel`."""
        return self.regression.bytes_per_pixel(itemsize) + _OWN_BYTES_PER_PIXEL


class MirroredSampler(NetworkSampler):
    """A regression and the mean of its pictures of mirror images."""

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        if self.generator.stochastic:
            raise MeaninglessOption(spec.model, "self-ensemble", "it is no regression")
        self.facts["self_ensemble"] = True
        self._ensemble = SelfEnsemble(self._drawing)

    def _rendered(self) -> Generator:
        return self._ensemble
