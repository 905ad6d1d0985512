"""A file that is being explored: its picture, made exact where it is needed, and its sampler."""

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from jpegx.exploration.draws import is_regression, no_draws, sampled
from jpegx.exploration.minimise import Watch, unwatched
from jpegx.exploration.patch import Finisher
from jpegx.exploration.selection import Selection, Touched, select, touched
from jpegx.jpeg.box import Box
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models.noise import CounterNoise, Noise
from jpegx.sampling.network import NetworkSampler
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec
from jpegx.sampling.window import Window

Start = Literal["standard", "sample"]
_STRIP = 1 << 18  # pixels that are made exact at a time while nobody waits


class Workbench:
    """One file, what it is explored with, and the picture that exploration starts from.

    ``spec``: what samples are drawn from. ``start``: the ordinary decoder's picture, made exact
    ("standard"); a sample of the seed ("sample"); or pixels, uint8 (height, width, channels), which
    are taken as they are.
    """

    def __init__(
        self,
        jpeg: QuantizedJpeg,
        name: str,
        spec: SamplerSpec,
        start: Start | np.ndarray = "standard",
        seed: int = 0,
    ) -> None:
        self.jpeg = jpeg
        self.name = name
        self.spec = spec
        self.seed = seed
        self.files = JpegBatch.of_file(jpeg)
        self.start = start
        rows, columns = jpeg.layout.mcu_grid
        self._made = np.zeros((rows, columns), bool)
        if isinstance(start, np.ndarray):
            self._pixels = start.copy()
            self._made[:] = True
        else:
            shown = self.files.decoded()[0].round().clamp(0, 255).to(torch.uint8)
            self._pixels = np.ascontiguousarray(shown.permute(1, 2, 0).numpy())

    @cached_property
    def file_hash(self) -> str:
        """SHA-256 of what the file says: its coefficients and its tables, not its metadata."""
        found = hashlib.sha256(repr((self.jpeg.layout, self.jpeg.coding)).encode())
        for array in (*self.jpeg.coefficients, *self.jpeg.tables):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    @cached_property
    def sampler(self) -> Sampler:
        """The sampler, opened when it is needed. Raises JpegxError."""
        return open_sampler(self.spec)

    @property
    def has_noise(self) -> bool:
        """Whether samples are drawn from a generator with noise."""
        if self.spec.model in ("laplace", "standard"):
            return False
        sampler = self.sampler
        return isinstance(sampler, NetworkSampler) and sampler.generator.stochastic

    @property
    def varies(self) -> bool:
        """Whether samples differ: not those of an ordinary decoder, nor of a regression."""
        return self.spec.model != "standard" and not is_regression(self.sampler)

    def noise(self, seed: int, sample: int = 0) -> Noise:
        """The noise of a sample of the generator."""
        assert isinstance(self.sampler, NetworkSampler)
        return CounterNoise(seed, sample, self.sampler.temperature)

    def window(self, box: Box) -> Window:
        """The part of the file in a box of units, for the generator."""
        return self._window(box)

    @cached_property
    def _window(self) -> Callable[[Box], Window]:
        assert isinstance(self.sampler, NetworkSampler)
        generator = self.sampler.generator
        return lru_cache(maxsize=2)(lambda box: Window(generator, self.files, box))

    def draws(
        self, units: Touched, count: int, seed: int, watch: Watch = unwatched
    ) -> Iterator[Tensor]:
        """Samples in the box of some units, float32 (C, H, W) in gray levels, not exact.

        Sample i depends on the seed and i alone. Raises JpegxError if the model draws nothing.
        """
        for number, image in enumerate(self._draws(units, count, seed)):
            yield image
            watch((number + 1) / count, None)

    def _draws(self, units: Touched, count: int, seed: int) -> Iterator[Tensor]:
        if self.has_noise:
            window = self.window(units.box)
            for sample in range(count):
                with torch.no_grad():
                    yield window.render(self.noise(seed, sample))
        elif self.spec.model == "standard":
            raise no_draws(self.spec.model, "an ordinary decoder")
        else:
            yield from sampled(self.jpeg, units, self.sampler, count, seed)

    def pixels(self, units: Touched) -> np.ndarray:
        """The starting picture in the box of some units, which are made exact now."""
        self._make(units)
        box = units.box
        return self._pixels[box.rows, box.columns].copy()

    def look(self, box: Box) -> np.ndarray:
        """The starting picture in a box, exact as far as it has been made."""
        return self._pixels[box.rows, box.columns].copy()

    @property
    def is_made(self) -> bool:
        """Whether all units have been made exact, as far as they can be."""
        return bool(self._made.all())

    def make_all(self) -> None:
        """Make the whole starting picture exact."""
        if not self.is_made:
            self._make(touched(select(self.jpeg.layout, ())))

    def make_more(self) -> None:
        """Make a few of the units that are left exact."""
        rows = np.flatnonzero(~self._made.all(axis=1))
        if len(rows):
            layout = self.jpeg.layout
            height = layout.mcu_size[1]
            count = max(1, _STRIP // (height * layout.width))
            first, last = int(rows[0]), min(int(rows[0]) + count, len(self._made))
            box = Box(first * height, 0, min(last * height, layout.height), layout.width)
            shape = (box.bottom - box.top, box.right)
            self._make(touched(Selection(layout, box, np.ones(shape, bool))))

    def _make(self, units: Touched) -> None:
        part = (
            slice(units.rows.start, units.rows.stop),
            slice(units.columns.start, units.columns.stop),
        )
        missing = units.mask & ~self._made[part]
        if not missing.any():
            return
        left = Touched(units.layout, units.rows, units.columns, missing)
        finisher = Finisher(self.jpeg, left)
        if self.start == "sample":
            (image,) = self.draws(left, 1, self.seed)
        else:
            image = finisher.decoded()
        finisher.finish(image).put_into(self._pixels)
        self._made[part] |= missing
