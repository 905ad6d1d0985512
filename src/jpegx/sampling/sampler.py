"""What samples are drawn from, opened on its device: one class for each way of drawing them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib import import_module

import torch
from torch import Tensor

from jpegx.jpeg.file import QuantizedJpeg
from jpegx.sampling.hardware import choose_device
from jpegx.sampling.spec import SamplerSpec

# To be raised when the same weights, seed and file give other samples than before.
SAMPLING_VERSION = 1

Progress = Callable[[float], None]

# The ways without weights, by the names that stand for them: module and class.
_WITHOUT_WEIGHTS = {
    "laplace": ("jpegx.sampling.laplace", "LaplaceSampler"),
    "standard": ("jpegx.sampling.standard", "StandardSampler"),
}
_NETWORK = ("jpegx.sampling.network", "NetworkSampler")
_MIRRORED = ("jpegx.sampling.mirrored", "MirroredSampler")


class Sampler(ABC):
    """Draws images that a file could have come from, for one file after the other.

    ``name``: for tables, captions and logs. ``device``: where it computes, and where its images are
    best made into pictures. ``facts``: all that its samples depend on beside the file, the seed and
    their number, as JSON holds it.
    """

    name: str
    device: torch.device
    facts: dict[str, object]

    def __init__(self, spec: SamplerSpec) -> None:
        self.name = spec.label
        self.device = choose_device(spec.device)
        self.facts = {"sampler": spec.model, "version": SAMPLING_VERSION}

    @abstractmethod
    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Images, float32 (C, H, W) in gray levels, neither rounded nor clipped.

        Sample i depends on the seed and i alone. ``progress``: told which share of all samples is
        rendered, up to 1, where that takes long. Raises JpegxError if the file cannot be decoded.
        """


def open_sampler(spec: SamplerSpec) -> Sampler:
    """The sampler of a spec.

    Raises JpegxError if there is no such model, its file is bad, or the device is not there;
    MeaninglessOption if the spec asks for what the model does not have.
    """
    if spec.model in _WITHOUT_WEIGHTS:
        spec.refuse("it is no network", "precision", "temperature")
        spec.refuse("it is no regression", "self_ensemble")
        module, name = _WITHOUT_WEIGHTS[spec.model]
    else:
        module, name = _MIRRORED if spec.self_ensemble else _NETWORK
    sampler: Sampler = getattr(import_module(module), name)(spec)
    return sampler
