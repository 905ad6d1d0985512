"""The decoders that are compared: models of jpegx, and pictures that other programs made."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from jpegx.evaluation.benchmark.jpegs import Unmatched, without_suffix
from jpegx.evaluation.benchmark.originals import video_luma
from jpegx.evaluation.benchmark.request import Projection
from jpegx.io.paths import file_digest
from jpegx.io.picture_reader import read_comparable
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.models.card import Interpolation
from jpegx.sampling.eight_bit import EightBit
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec
from jpegx.training.data.images import find_images

# What is added to the name of a model.
PROJECTED = " projected"
PLAIN = " by Eq. 11"


@dataclass(frozen=True)
class Task:
    """One original, uint8 (C, H, W), and the file that it became; None if that is not known."""

    name: str
    original: Tensor
    jpeg: QuantizedJpeg | None


class Decoder(ABC):
    """What makes pictures of files.

    ``rows``: its names in the table, one for each variant. ``interpolation``: of which weights its
    own are a blend.
    """

    rows: tuple[str, ...]
    interpolation: Interpolation | None = None

    @abstractmethod
    def facts(self, name: str) -> dict[str, object]:
        """What its pictures of an original depend on, besides the file. Raises Unmatched."""

    @abstractmethod
    def decode(self, task: Task, rows: Sequence[str], samples: int) -> dict[str, Tensor]:
        """For each of the rows uint8 (n, C, H, W), n at most ``samples``; 1 if all are the same.

        Raises JpegxError if there is no such picture.
        """


class ModelDecoder(Decoder):
    """A model of jpegx; with projection its name in the table says so.

    ``plain``: with the plain projection of Eq. 11 of Man et al. 2022, too: clamped in real numbers,
    without room to the walls, then rounded, which leaves some coefficients outside.
    """

    def __init__(
        self, sampler: Sampler, seed: int, projection: Projection, *, plain: bool = False
    ) -> None:
        own = (sampler.name,) if projection != "with" else ()
        clamped = (sampler.name + PLAIN,) if plain else ()
        projected = (sampler.name + PROJECTED,) if projection != "without" else ()
        self.rows = own + clamped + projected
        self.interpolation = sampler.interpolation
        self._sampler = sampler
        self._seed = seed

    def facts(self, name: str) -> dict[str, object]:
        """The weights, and where and how they compute."""
        return self._sampler.facts

    def decode(self, task: Task, rows: Sequence[str], samples: int) -> dict[str, Tensor]:
        """Samples; all variants are made of the same ones."""
        if task.jpeg is None:
            raise Unmatched("no JPEG file to decode; name a folder with --jpegs")
        pictures: dict[str, list[Tensor]] = {row: [] for row in rows}
        file = EightBit(task.jpeg, self._sampler.device)
        for image in self._different(task.jpeg, samples):
            for row in rows:
                pictures[row].append(_pixels(file, image, row).cpu())
        return {row: torch.stack(found) for row, found in pictures.items()}

    def _different(self, jpeg: QuantizedJpeg, samples: int) -> Iterator[Tensor]:
        """The samples; only the first if the second is the same, as those of a regression are."""
        drawn = self._sampler.sample(jpeg, samples, self._seed)
        first = next(drawn)
        yield first
        for second in islice(drawn, 1):
            if torch.equal(first, second):
                return
            yield second
        yield from drawn


def _pixels(file: EightBit, image: Tensor, row: str) -> Tensor:
    """What a row of the table has of an image."""
    if row.endswith(PROJECTED):
        return file.projected(image).pixels
    return file.clamped(image) if row.endswith(PLAIN) else file.rounded(image)


class FolderDecoder(Decoder):
    """Pictures that any program made, named like the originals.

    Several samples of a program are called as ``jpegx decode`` calls them: photo_0.png and so on.
    """

    def __init__(self, folder: Path) -> None:
        self.rows = (folder.resolve().name,)
        self._folder = folder
        self._files: dict[str, Path] = {}
        self._samples: dict[str, list[tuple[int, Path]]] = {}
        for path in find_images(folder):
            name = without_suffix(str(path.relative_to(folder)))
            self._files[name] = path
            numbered = re.fullmatch(r"(.+)_(\d+)", name)
            if numbered:
                self._samples.setdefault(numbered[1], []).append((int(numbered[2]), path))

    def facts(self, name: str) -> dict[str, object]:
        """The content of the pictures."""
        return {"pictures": [file_digest(path) for path in self._paths(name)]}

    def decode(self, task: Task, rows: Sequence[str], samples: int) -> dict[str, Tensor]:
        """The pictures, no more than ``samples``."""
        channels, height, width = task.original.shape
        pictures = []
        for path in self._paths(task.name)[:samples]:
            pixels = torch.tensor(read_comparable(path, str(path), (width, height))).permute(
                2, 0, 1
            )
            pictures.append(video_luma(pixels) if channels == 1 else pixels)
        return {self.rows[0]: torch.stack(pictures)}

    def _paths(self, name: str) -> list[Path]:
        key = without_suffix(name)
        if key in self._files:
            return [self._files[key]]
        if key in self._samples:
            return [path for _, path in sorted(self._samples[key])]
        raise Unmatched(f"no picture called {key} in {self._folder}")


def open_models(
    models: Sequence[SamplerSpec | Sampler], seed: int, projection: Projection, *, plain: bool
) -> list[Decoder]:
    """The decoders of models, which are opened if they are not.

    Raises JpegxError if there is no such model, its file is bad, or the device is not there;
    MeaninglessOption if a spec asks for what its model does not have.
    """
    opened = [model if isinstance(model, Sampler) else open_sampler(model) for model in models]
    return [ModelDecoder(sampler, seed, projection, plain=plain) for sampler in opened]
