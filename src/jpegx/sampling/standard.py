"""What an ordinary decoder shows, as a sampler."""

from collections.abc import Iterator

import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.sampling.sampler import Progress, Sampler
from jpegx.sampling.spec import SamplerSpec


class StandardSampler(Sampler):
    """What libjpeg shows, as often as samples are asked for; ``spec.chroma`` says how."""

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        self._smooth = spec.chroma != "replicated"
        self.facts["smooth_chroma"] = self._smooth

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """The same image each time: see :meth:`Sampler.sample`."""
        shown = libjpeg.show(jpeg.stream, jpeg.layout, smooth_chroma=self._smooth)
        for _ in range(samples):
            yield torch.tensor(shown).permute(2, 0, 1).float()
