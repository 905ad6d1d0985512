"""What an ordinary decoder shows, as a sampler."""

from collections.abc import Iterator

import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.sampling.sampler import Progress, Sampler


class StandardSampler(Sampler):
    """What libjpeg shows, as often as samples are asked for."""

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """The same image each time: see :meth:`Sampler.sample`."""
        shown = torch.tensor(libjpeg.show(jpeg.stream, jpeg.layout)).permute(2, 0, 1)
        for _ in range(samples):
            yield shown.float()
