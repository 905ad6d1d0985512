"""Samples drawn from a generator's weights."""

from collections.abc import Iterator

from torch import Tensor

from jpegx.io.paths import file_digest
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.models.card import card_temperature, interpolation_of
from jpegx.models.checkpoint import open_model
from jpegx.models.generator import Generator
from jpegx.sampling.generate import generate
from jpegx.sampling.hardware import in_fastest, number_type, prepare
from jpegx.sampling.memory import free_memory
from jpegx.sampling.sampler import Progress, Sampler
from jpegx.sampling.spec import SamplerSpec


class NetworkSampler(Sampler):
    """A generator, and the strength of its noise.

    ``generator``: the network in real numbers, which has gradients; what draws may be its int8.
    """

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        path, loaded, card = open_model(spec.model)
        self.generator = prepare(loaded, self.device, spec.precision)
        self._drawing = in_fastest(self.generator, spec)
        self.interpolation = interpolation_of(path, card)
        self.temperature = 0.0
        if self.generator.stochastic:
            strength = card_temperature(path, card)
            self.temperature = strength if spec.temperature is None else spec.temperature
        else:
            spec.refuse("a regression has no noise", "temperature")
        # Once, not for each file: what a process keeps of freed memory it can use again.
        self.free = free_memory(self.device)
        self.facts |= {
            "sampler": file_digest(path),
            "number_type": number_type(self._drawing),
            "temperature": self.temperature,
            "device": self.device.type,
        }

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Samples of the generator: see :meth:`Sampler.sample`."""
        return generate(
            self._rendered(),
            jpeg,
            samples=samples,
            seed=seed,
            temperature=self.temperature,
            free=self.free,
            progress=progress,
        )

    def _rendered(self) -> Generator:
        """The network that draws."""
        return self._drawing
