"""What samples are drawn from: a learned generator, or one of the laws that need no weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.models import zoo
from jpegx.models.card import card_temperature
from jpegx.models.checkpoint import load
from jpegx.models.self_ensemble import SelfEnsemble
from jpegx.sampling.device import choose_device
from jpegx.sampling.generate import Progress, generate
from jpegx.sampling.laplace import laplace
from jpegx.sampling.memory import free_memory
from jpegx.sampling.number_type import Precision, prepare

Draw = Callable[[QuantizedJpeg, int, int], Iterator[Tensor]]


def standard(jpeg: QuantizedJpeg, samples: int, seed: int) -> Iterator[Tensor]:
    """What libjpeg shows, float32 (C, H, W) in gray levels, ``samples`` times the same."""
    shown = torch.tensor(libjpeg.show(jpeg.stream, jpeg.layout)).permute(2, 0, 1)
    for _ in range(samples):
        yield shown.float()


_WITHOUT_WEIGHTS: dict[str, Draw] = {"laplace": laplace, "standard": standard}


class NoRegression(JpegxError):
    """A model without a regression, whose picture could be the mean of several."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model}: there is no regression to make a self-ensemble of; name a --model that is "
            "one"
        )


@dataclass(frozen=True)
class Source:
    """What samples are drawn from, ready for many files.

    ``name``: for tables, captions and logs; it ends with "+" for a self-ensemble.
    ``draw(jpeg, samples, seed)`` yields images, float32 (C, H, W) in gray levels, neither rounded
    nor clipped; sample i depends on the seed and i alone. ``device``: where to compute.
    ``weights``: the file that it came from, if any.
    """

    name: str
    draw: Draw
    device: torch.device
    weights: Path | None = None


def default_model() -> str:
    """The best installed weights, or "laplace" if there are none."""
    return zoo.default() or "laplace"


def open_source(
    model: str,
    device: str = "auto",
    precision: Precision = "auto",
    temperature: float | None = None,
    self_ensemble: bool = False,
    progress: Progress | None = None,
) -> Source:
    """The source of a name: "laplace", "standard", installed weights, or a safetensors file.

    ``device``: "auto", "cpu" or "cuda". ``precision``: number type of a generator.
    ``temperature``: strength of its noise, None for what the card of the weights says.
    ``self_ensemble``: the picture of the regression is the mean of those of the file and its mirror
    images (:mod:`jpegx.models.self_ensemble`); the name of the source then ends with "+".
    ``progress``: as of :func:`jpegx.sampling.generate.generate`, for each file. Raises JpegxError
    if there is no such model, its file is bad, or the device is not there, NoRegression if
    ``self_ensemble`` has nothing to work on.
    """
    place = choose_device(device)
    if model in _WITHOUT_WEIGHTS:
        if self_ensemble:
            raise NoRegression(model)
        return Source(model, _WITHOUT_WEIGHTS[model], place)
    path = zoo.find(model)
    loaded, card = load(path)
    generator = prepare(loaded, place, precision)
    strength = card_temperature(path, card) if temperature is None else temperature
    # Once, not for each file: what a process keeps of freed memory it can use again.
    free = free_memory(place)
    if self_ensemble:
        if generator.stochastic:
            raise NoRegression(model)
        generator = SelfEnsemble(generator)

    def draw(jpeg: QuantizedJpeg, samples: int, seed: int) -> Iterator[Tensor]:
        return generate(
            generator,
            jpeg,
            samples=samples,
            seed=seed,
            temperature=strength,
            free=free,
            progress=progress,
        )

    plus = "+" if self_ensemble else ""
    return Source(path.stem + plus, draw, place, path)
