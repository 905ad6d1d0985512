"""What samples are drawn from, opened on its device: one class for each way of drawing them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib import import_module

import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.layout import Layout
from jpegx.models.card import Interpolation
from jpegx.sampling.hardware import choose_device
from jpegx.sampling.spec import COMMAND, RESTORER, SamplerSpec

# To be raised when the same weights, seed and file give other samples than before.
SAMPLING_VERSION = 1

Progress = Callable[[float], None]

# The ways without weights, by the names that stand for them: module and class.
_WITHOUT_WEIGHTS = {
    "laplace": ("jpegx.sampling.laplace", "LaplaceSampler"),
    "standard": ("jpegx.sampling.standard", "StandardSampler"),
}
# Those of other programs, by what stands before the colon.
_OF_OTHERS = {
    COMMAND: ("jpegx.sampling.command", "CommandSampler"),
    RESTORER: ("jpegx.sampling.restorer", "RestorerSampler"),
}
_NETWORK = ("jpegx.sampling.network", "NetworkSampler")
_AVERAGED = ("jpegx.sampling.averaged", "AveragedSampler")
_MIRRORED = ("jpegx.sampling.mirrored", "MirroredSampler")


class Sampler(ABC):
    """Draws images that a file could have come from, for one file after the other.

    ``name``: for tables, captions and logs. ``device``: where it computes, and where its images are
    best made into pictures. ``facts``: all that its samples depend on beside the file, the seed and
    their number, as JSON holds it. ``interpolation``: of which weights its own are a blend.
    """

    name: str
    device: torch.device
    facts: dict[str, object]
    interpolation: Interpolation | None = None

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
    if spec.model != "standard":
        spec.refuse("only what libjpeg shows has a choice of it", "chroma")
    if spec.mean is not None:
        if spec.model == "standard":
            spec.refuse("all of its pictures are the same", "mean")
        module, name = _AVERAGED
    elif spec.other is not None:
        spec.refuse("it is no model of jpegx", "precision", "temperature", "self_ensemble")
        module, name = _OF_OTHERS[spec.other[0]]
    elif spec.model in _WITHOUT_WEIGHTS:
        spec.refuse("it is no network", "precision", "temperature")
        spec.refuse("it is no regression", "self_ensemble")
        module, name = _WITHOUT_WEIGHTS[spec.model]
    else:
        module, name = _MIRRORED if spec.self_ensemble else _NETWORK
    sampler: Sampler = getattr(import_module(module), name)(spec)
    return sampler


def in_channels(image: Tensor, layout: Layout, name: str) -> Tensor:
    """An image (C, H, W) that something else made of a file, in the channels of the file.

    Raises JpegxError, which begins with the name, if it is none of the file's size, or not finite.
    """
    if image.ndim != 3 or image.shape[1:] != (layout.height, layout.width):
        raise JpegxError(
            f"{name}: it gives {tuple(image.shape)} (channels, height, width) for a file "
            f"of {layout.height} rows and {layout.width} columns; return the same size"
        )
    if not image.isfinite().all():
        raise JpegxError(f"{name}: it gives numbers that are not finite")
    if image.shape[0] == layout.channels:
        return image
    if layout.channels == 1:
        return image.mean(dim=0, keepdim=True)
    if image.shape[0] == 1:
        return image.expand(3, -1, -1)
    raise JpegxError(f"{name}: it gives {image.shape[0]} channels; return 3 or 1")
