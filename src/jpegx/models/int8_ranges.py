"""How large the features of residual blocks are: what int8 is fitted to."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from jpegx.models.files import Files
from jpegx.models.generator import Generator
from jpegx.models.int8 import StageRanges, stages_of
from jpegx.models.layers import ResidualBlock
from jpegx.models.noise import Noise

_BINS = 4096
_STEPS = (127, 255)  # of the features, which have both signs, and of those behind a ReLU
_SHARES = 64  # ranges that are tried


class _Sizes:
    """A histogram of absolute values, whose top is doubled when it is passed."""

    def __init__(self) -> None:
        self.counts = torch.zeros(_BINS, dtype=torch.float64)
        self.top = 2.0**-10

    def add(self, values: Tensor) -> None:
        largest = float(values.abs().max())
        while self.top < largest < torch.inf:
            pairs = self.counts.view(-1, 2).sum(dim=1)
            self.counts = torch.cat([pairs, torch.zeros_like(pairs)])
            self.top *= 2
        self.counts += torch.histc(values.detach().abs().float(), _BINS, 0, self.top)

    def range(self, steps: int) -> float:
        """The range, of so many steps, in which rounding and clipping err least on average."""
        values = (torch.arange(_BINS, dtype=torch.float64) + 0.5) * self.top / _BINS
        filled = self.counts.nonzero()
        most = float(values[filled[-1]]) if len(filled) else self.top
        ranges = [most * (1 + share) / _SHARES for share in range(_SHARES)]
        errors = [float((self.counts * _errors(values, r, steps)).sum()) for r in ranges]
        return float(f"{ranges[errors.index(min(errors))]:.4g}")


def _errors(values: Tensor, held: float, steps: int) -> Tensor:
    """Mean squared errors of values that are rounded to a step, and held."""
    step = held / steps
    rounded = torch.where(values < step / 2, values.square(), torch.tensor(step * step / 12))
    return torch.where(values > held, (values - held).square(), rounded)


def measure_ranges(
    generator: Generator, examples: Iterable[tuple[Files, Noise]]
) -> dict[str, StageRanges]:
    """The ranges of each stage of a float32 generator, as ``Generator.ranges`` keeps them.

    For each block, of its features and of those between its convolutions, the range in which 8 bits
    err least over all examples: files, and the noise of one sample of each.
    """
    stages = stages_of(generator)
    sizes = {name: [(_Sizes(), _Sizes()) for _ in stage.blocks] for name, stage in stages.items()}
    hooks = [
        block.register_forward_pre_hook(_watching(*pair))
        for name, stage in stages.items()
        for block, pair in zip(stage.blocks, sizes[name], strict=True)
    ]
    try:
        with torch.no_grad():
            for files, noise in examples:
                generator(files, noise)
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: tuple((own.range(_STEPS[0]), between.range(_STEPS[1])) for own, between in pairs)
        for name, pairs in sizes.items()
    }


def _watching(own: _Sizes, between: _Sizes) -> Callable[..., None]:
    """A hook that adds what a block is given, and what it has between its convolutions."""

    def watch(block: nn.Module, given: tuple[Tensor, Tensor, Tensor | None]) -> None:
        assert isinstance(block, ResidualBlock)
        own.add(given[0])
        between.add(block.between(*given))

    return watch
