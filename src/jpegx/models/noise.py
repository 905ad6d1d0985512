"""Noise for the generators: repeatable anywhere, fast for training, held, negated, or none."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import pi
from typing import Literal

import torch
from torch import Tensor

# SplitMix64 (Steele, Lea and Flood 2014, Fig. 16): the increment and the two factors.
_GAMMA = 0x9E3779B97F4A7C15
_FACTORS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
_WORD = (1 << 64) - 1
_CHUNK = 1 << 14  # numbers


Law = Literal["normal", "uniform"]


@dataclass(frozen=True)
class NoiseField:
    """Noise that a generator asks for: so many channels of independent numbers.

    ``scale``: pixels of the picture between two positions. ``law``: "normal", Gaussian of standard
    deviation 1; or "uniform", from -1/2 to 1/2 (of weaker noise: closer to 0). Other laws are made
    of several fields. ``number``: of the first channel among all of the generator's.
    """

    channels: int
    scale: int
    law: Law = "normal"
    number: int = 0


def numbered(fields: Iterable[NoiseField]) -> tuple[NoiseField, ...]:
    """The fields with the numbers of their channels, one after the other from 0."""
    found: list[NoiseField] = []
    for one in fields:
        number = found[-1].number + found[-1].channels if found else 0
        found.append(replace(one, number=number))
    return tuple(found)


class Noise(ABC):
    """Noise as data: numbers for every field and every absolute position, drawn when needed.

    ``is_zero``: whether all of it is 0, so that a generator may leave it out. ``temperature``: its
    standard deviation; 1 is what generators are trained with.
    """

    is_zero = False
    temperature: float = 1.0

    def at_full_strength(self) -> "Noise":
        """The same noise at a temperature of 1."""
        return self

    def draw(
        self, field: NoiseField, like: Tensor, start: tuple[int, int] = (0, 0), samples: int = 1
    ) -> Tensor:
        """Noise (N * samples, channels, h, w) of a field, in the type of ``like``, on its device.

        ``like``: (N * samples, any, h, w), sample s of file n in row n * samples + s. ``start``:
        (row, column) of the first position, in units of ``field.scale`` pixels of the picture.
        """
        values = self._gaussian(field, like, start, samples)
        return torch.erf(values * 0.5**0.5).div(2) if field.law == "uniform" else values

    @abstractmethod
    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        """Gaussian numbers for :meth:`draw`, before the law."""

    def __neg__(self) -> "Noise":
        """The same noise with the other sign."""
        return NegatedNoise(self)


@dataclass(frozen=True)
class CounterNoise(Noise):
    """Noise that is a pure function of (seed, sample, channel, absolute position).

    The same on CPU and CUDA to rounding, in a whole image and in tiles, for one sample and for
    many: a counter run through SplitMix64, then the Box-Muller transform. All files of a batch get
    the same. ``seed``: 0 to 2**64 - 1. ``first``: number of the first sample of the batch.
    ``temperature``: the standard deviation; 1 is what generators are trained with.
    """

    seed: int
    first: int = 0
    temperature: float = 1.0

    @property
    def is_zero(self) -> bool:  # type: ignore[override]
        """True at a temperature of 0."""
        return self.temperature == 0

    def at_full_strength(self) -> "Noise":
        """The same noise at a temperature of 1."""
        return replace(self, temperature=1.0)

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        height, width = like.shape[2:]
        rows = _counters(start[0], height, 1 << 32, like.device)
        columns = _counters(start[1], width, 1, like.device)
        shape = (samples, field.channels, height, width)
        noise = torch.empty(shape, dtype=like.dtype, device=like.device)
        # On a CPU a few rows at a time, so that all passes find them in its caches.
        at_once = max(1, _CHUNK // width) if like.device.type == "cpu" else height
        for sample in range(samples):
            for channel in range(field.channels):
                key = _key(self.seed, self.first + sample, field.number + channel)
                keyed = columns + _signed(key)
                target = noise[sample, channel].split(at_once)
                for part, some in zip(target, rows.split(at_once), strict=True):
                    values = _box_muller(some[:, None] + keyed)
                    part.copy_(values if self.temperature == 1 else values * self.temperature)
        files = len(like) // samples
        return noise if files == 1 else noise.repeat(files, 1, 1, 1)


@dataclass(frozen=True)
class RandomNoise(Noise):
    """Noise from PyTorch's own generator, for training: fast, but bound to device and batch.

    ``generator``: on the device of the feature maps; None is PyTorch's global one.
    ``temperature``: the standard deviation.
    """

    generator: torch.Generator | None = None
    temperature: float = 1.0

    def at_full_strength(self) -> "Noise":
        """The same noise at a temperature of 1."""
        return replace(self, temperature=1.0)

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        shape = (len(like), 1, *like.shape[2:])
        channels = [
            torch.randn(shape, generator=self.generator, dtype=like.dtype, device=like.device)
            for _ in range(field.channels)
        ]
        noise = channels[0] if len(channels) == 1 else torch.cat(channels, dim=1)
        return noise.mul_(self.temperature)


class ZeroNoise(Noise):
    """No noise: for training a generator as a regression."""

    is_zero = True
    temperature = 0.0

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        return like.new_zeros(len(like), field.channels, *like.shape[2:])


@dataclass(frozen=True)
class _Derived(Noise):
    """What is made of other noise."""

    noise: Noise

    @property
    def temperature(self) -> float:  # type: ignore[override]
        """That of the other noise."""
        return self.noise.temperature

    def at_full_strength(self) -> "Noise":
        """The same noise at a temperature of 1."""
        return replace(self, noise=self.noise.at_full_strength())


@dataclass(frozen=True)
class NegatedNoise(_Derived):
    """Other noise with the other sign: what is odd in it cancels in the mean of both."""

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        return -self.noise._gaussian(field, like, start, samples)


@dataclass(frozen=True)
class EvenNoise(_Derived):
    """Other noise that is the same at every position for a share of the files.

    ``share``: 0 to 1; such files are evenly spread over a batch, and all of their samples are so.
    """

    share: float = 0.0

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        drawn = self.noise._gaussian(field, like, start, samples)
        file = torch.arange(len(drawn), device=drawn.device) // samples
        even = ((file + 1) * self.share).floor() > (file * self.share).floor()
        return torch.where(even[:, None, None, None], drawn[:, :, :1, :1], drawn)


@dataclass(frozen=True)
class HeldNoise(_Derived):
    """Other noise, drawn once and held from then on, so that it can be looked at or optimized.

    ``trainable``: the numbers held require gradients. ``held``: float32, before the law, by the
    number of the field and the place where they begin.
    """

    trainable: bool = False
    held: dict[tuple[int, int, int], Tensor] = field(default_factory=dict)

    def _gaussian(
        self, field: NoiseField, like: Tensor, start: tuple[int, int], samples: int
    ) -> Tensor:
        key = (field.number, *start)
        if key not in self.held:
            exact = like.new_empty(like.shape, dtype=torch.float32)
            drawn = self.noise._gaussian(field, exact, start, samples).detach()
            self.held[key] = drawn.requires_grad_(self.trainable)
        return self.held[key].to(like.dtype)


def _signed(word: int) -> int:
    """The int64 of the same 64 bits."""
    return word - (1 << 64) if word >> 63 else word


def _key(*numbers: int) -> int:
    """64 well mixed bits of the numbers, in their order."""
    state = 0
    for number in numbers:
        state = ((state ^ number) + _GAMMA) & _WORD
        for shift, factor in _FACTORS:
            state = ((state ^ (state >> shift)) * factor) & _WORD
        state ^= state >> _LAST_SHIFT
    return state


def _counters(start: int, count: int, stride: int, device: torch.device) -> Tensor:
    """SplitMix64's counter at ``count`` positions: int64 that wraps around as unsigned would."""
    positions = torch.arange(start, start + count, device=device)
    return positions.mul_(_signed((stride * _GAMMA) & _WORD))


def _box_muller(counter: Tensor) -> Tensor:
    """Standard Gaussian float32 of int64 counters, which are overwritten (Box and Muller 1958)."""
    for shift, factor in _FACTORS:
        counter ^= _shifted(counter, shift)
        counter *= _signed(factor)
    counter ^= _shifted(counter, _LAST_SHIFT)
    # Half a step above zero keeps the logarithm finite: |noise| stays below 6.8.
    radius = _shifted(counter, 32).to(torch.float32).add_(0.5).mul_(2.0**-32).log_()
    angle = (counter & 0xFFFFFFFF).to(torch.float32).mul_(2 * pi * 2.0**-32).cos_()
    return radius.mul_(-2).sqrt_().mul_(angle)


def _shifted(word: Tensor, bits: int) -> Tensor:
    """Logical shift right; PyTorch's own repeats the sign."""
    return (word >> bits).bitwise_and_((1 << (64 - bits)) - 1)
