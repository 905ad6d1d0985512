"""Anybody's network or function as a sampler."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from jpegx.errors import JpegxError
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.sampling.sampler import Progress, Sampler, in_channels
from jpegx.sampling.spec import SamplerSpec

Function = Callable[[QuantizedJpeg, np.random.Generator], ArrayLike]


class CallableSampler(Sampler):
    """Draws with a network or a function that knows nothing of jpegx.

    A ``torch.nn.Module`` is called once a sample, as it is (call its ``eval()`` first if it has
    layers that training changes), where its parameters are, with the decoded file, float32
    (1, 3, H, W), 0 to 1, neither rounded nor clipped; it returns an image of that shape, or of one
    channel. Of a gray file the three channels are equal, and the mean of those returned is taken.
    Where it draws, it does with PyTorch's random numbers, which are seeded for each sample.

    Any other function is called with the file and a generator of random numbers, and returns an
    image (H, W, C) or (H, W) in gray levels, 0 to 255, which need be neither rounded nor clipped.
    ``name``: for tables. Its ``facts`` are new each time one is opened: nobody can tell whether it
    is the same function as before, so no figure of another day is taken for its own.
    """

    def __init__(self, draw: nn.Module | Function, name: str) -> None:
        super().__init__(SamplerSpec(name, device="cpu"))
        self.name = name
        self._draw = draw
        if isinstance(draw, nn.Module):
            self.device = next((p.device for p in draw.parameters()), self.device)
        self.facts["opened"] = uuid4().hex

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Samples: see :meth:`Sampler.sample`. Raises what the function raises."""
        for number in range(samples):
            sequence = np.random.SeedSequence((seed, number))
            if isinstance(self._draw, nn.Module):
                image = self._of_network(self._draw, jpeg, sequence)
            else:
                drawn = np.asarray(self._draw(jpeg, np.random.default_rng(sequence)), np.float32)
                image = torch.tensor(drawn[..., None] if drawn.ndim == 2 else drawn).movedim(-1, 0)
            yield in_channels(image, jpeg.layout, self.name)
            if progress is not None:
                progress((number + 1) / samples)

    def _of_network(
        self, network: nn.Module, jpeg: QuantizedJpeg, sequence: np.random.SeedSequence
    ) -> Tensor:
        decoded = JpegBatch.of_file(jpeg).to(self.device).decoded() / 255
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]) >> 1)
            image = network(decoded.expand(1, 3, -1, -1))
        if not isinstance(image, Tensor):
            raise JpegxError(f"{self.name}: it gives a {type(image).__name__}; return an image")
        return image.squeeze(0).float().mul(255).cpu()
