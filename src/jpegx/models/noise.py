"""Gaussian noise for the generators: repeatable anywhere, fast for training, or none."""

from dataclasses import dataclass
from math import pi
from typing import Protocol

import torch
from torch import Tensor

# SplitMix64 (Steele, Lea and Flood 2014, Fig. 16): the increment and the two factors.
_GAMMA = 0x9E3779B97F4A7C15
_FACTORS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
_WORD = (1 << 64) - 1


class Noise(Protocol):
    """A source of standard Gaussian noise for the layers of a generator."""

    def __call__(self, layer: int, like: Tensor, scale: int) -> Tensor:
        """Noise (N, 1, h, w) for a feature map (N, c, h, w), in its type and on its device.

        ``layer``: the number of the noise input in its generator. ``scale``: pixels of the image
        that one position of the feature map spans each way.
        """


@dataclass(frozen=True)
class CounterNoise:
    """Noise that is a pure function of (seed, sample, layer, absolute position).

    The same on CPU and CUDA to rounding, in a whole image and in tiles, for one sample and for
    many: a counter run through SplitMix64, then the Box-Muller transform. ``seed``: 0 to 2**64 - 1.
    ``first``: number of the first sample of the batch. ``top``, ``left``: where the feature maps
    begin in the image, in pixels, multiples of every scale. ``samples``: samples per file, if the
    batch holds several files that all get the same noise; None if it is one file. ``temperature``:
    the standard deviation; 1 is what generators are trained with.
    """

    seed: int
    first: int = 0
    top: int = 0
    left: int = 0
    samples: int | None = None
    temperature: float = 1.0

    def __call__(self, layer: int, like: Tensor, scale: int) -> Tensor:
        """Noise (N, 1, h, w) for a feature map: see :class:`Noise`."""
        height, width = like.shape[2:]
        rows = _counters(self.top // scale, height, 1 << 32, like.device)
        columns = _counters(self.left // scale, width, 1, like.device)
        grid = rows[:, None] + columns
        count = len(like) if self.samples is None else min(self.samples, len(like))
        noise = torch.empty(count, 1, height, width, dtype=like.dtype, device=like.device)
        for sample in range(count):
            key = _key(self.seed, self.first + sample, layer)
            noise[sample, 0] = _gaussian(grid + _signed(key)).mul_(self.temperature)
        return noise.repeat(len(like) // count, 1, 1, 1)


@dataclass(frozen=True)
class RandomNoise:
    """Noise from PyTorch's own generator, for training: fast, but bound to device and batch.

    ``generator``: on the device of the feature maps; None is PyTorch's global one.
    ``temperature``: the standard deviation.
    """

    generator: torch.Generator | None = None
    temperature: float = 1.0

    def __call__(self, layer: int, like: Tensor, scale: int) -> Tensor:
        """Noise (N, 1, h, w) for a feature map: see :class:`Noise`."""
        shape = (len(like), 1, *like.shape[2:])
        noise = torch.randn(shape, generator=self.generator, dtype=like.dtype, device=like.device)
        return noise.mul_(self.temperature)


@dataclass(frozen=True)
class ZeroNoise:
    """No noise: for training a generator as a regression."""

    def __call__(self, layer: int, like: Tensor, scale: int) -> Tensor:
        """Zeros (N, 1, h, w) for a feature map: see :class:`Noise`."""
        return like.new_zeros(len(like), 1, *like.shape[2:])


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


def _gaussian(counter: Tensor) -> Tensor:
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
