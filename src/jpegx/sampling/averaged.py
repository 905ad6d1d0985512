"""The mean of samples as a decoder of its own."""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.running_moments import Moments
from jpegx.sampling.sampler import Progress, Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec


class AveragedSampler(Sampler):
    """The mean of ``spec.mean`` samples of another sampler, as often as samples are asked for.

    What has the least expected error if they are samples of the posterior ("Ours-A" of Man et al.
    2022, with 64 of them).
    """

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        assert spec.mean is not None
        self._count = spec.mean
        self._sampler = open_sampler(replace(spec, mean=None))
        self.facts = {**self._sampler.facts, "mean": self._count}

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """The same image each time: see :meth:`Sampler.sample`."""
        moments = Moments()
        for image in self._sampler.sample(jpeg, self._count, seed, progress):
            moments.add(image)
        for _ in range(samples):
            yield moments.mean().clone()
