"""Residual blocks whose convolutions compute in int8, on CPUs.

A stage of residual blocks (:class:`ResidualBlocks`) becomes one whose 3x3 convolutions multiply
8-bit whole numbers: weights of each output channel with a step of its own, features with one step
for each convolution, from ranges that were measured on pictures (``Generator.ranges``). The sum
that the blocks add to stays float32, as do all other layers, so a block's rounding is not rounded
again by those behind it. FiLM is in the steps of the weights, so any table takes the same integers.

On processors without VNNI two products are added in 16 bits: weights of neighbouring inputs are
kept small enough for that not to overflow, and so the sums are exact, and the same, on all.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegx.models.generator import Generator
from jpegx.models.layers import ResidualBlock, ResidualBlocks, modulate

StageRanges = tuple[tuple[float, float], ...]

_ONES = [1, 1]  # padding, stride, dilation
_HALF = 127  # a signed feature is 128 more or less than this many steps
_WHOLE = 255
_MIDDLE = 128  # the number that stands for 0 where features have both signs
_PAIR = 128  # 255 * 128 is the most that two neighbouring weights may make of features: 15 bits
# Float32 of this size count in ones: what is added is rounded to a whole number, in its low bits.
_ROUNDING = float(1 << 23)
_CHUNK = 1 << 17  # features at a time for each thread, so that three passes stay in its cache


def stages_of(generator: nn.Module) -> dict[str, ResidualBlocks]:
    """The stages that :func:`in_int8` replaces, by their names; those without blocks are none."""
    found = {n: m for n, m in generator.named_modules() if isinstance(m, ResidualBlocks)}
    return {name: stage for name, stage in found.items() if len(stage.blocks)}


def in_int8(generator: Generator) -> Generator:
    """A generator whose residual blocks compute in int8, for rendering only; it shares the rest.

    ``generator``: float32 on the CPU, with ``ranges`` of its stages; it stays as it is. Raises
    ValueError if it has no ranges.
    """
    if not generator.ranges:
        raise ValueError("the ranges of its features were not measured")
    shared = {id(p): p for p in generator.parameters()}
    quantized = deepcopy(generator, shared)
    for name, stage in stages_of(quantized).items():
        quantized.set_submodule(name, Int8Blocks(stage, generator.ranges[name]))
    return quantized


class Int8Blocks(nn.Module):
    """What replaces the :class:`ResidualBlocks` of a stage.

    ``ranges``: for each block how large its features, and those between its convolutions, are held.
    """

    def __init__(self, stage: ResidualBlocks, ranges: StageRanges) -> None:
        super().__init__()
        self.noisy = stage.noisy
        self.blocks = nn.ModuleList(
            _Int8Block(block, *room)  # type: ignore[arg-type]
            for block, room in zip(stage.blocks, ranges, strict=True)
        )

    def forward(
        self, features: Tensor, embedding: Tensor, draw: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Float32 features of the same shape: see :meth:`ResidualBlocks.forward`."""
        # The one copy that all blocks add to.
        total = features.clone(memory_format=torch.channels_last)
        for block in self.blocks:
            block(total, embedding, draw(total) if draw is not None and self.noisy else None)
        return total


class _Int8Block(nn.Module):
    """A residual block that adds what it changes to the features that it is given."""

    def __init__(self, block: ResidualBlock, features: float, between: float) -> None:
        super().__init__()
        self.film, self.noise = block.film, block.noise
        self.first = _Int8Convolution(block.first, features / _HALF, _MIDDLE)
        self.second = _Int8Convolution(block.second, between / _WHOLE, 0)

    def forward(self, total: Tensor, embedding: Tensor, noise: Tensor | None) -> None:
        """Changes ``total`` (N, c, h, w)."""
        affine = self.film(embedding)
        whole = self.first.quantized(total)
        if len(affine[0]) == 1 and noise is None:
            between = self.first.relu(whole, affine, self.second.step)
        else:
            inner = modulate(self.first(whole), affine)
            if self.noise is not None and noise is not None:
                inner = self.noise(inner, noise)
            between = self.second.quantized(inner)  # 0 is the least: this is the ReLU as well
        self.second.add_to(total, between)


class _Int8Convolution:
    """A 3x3 convolution of features in whole numbers 0 to 255, ``step`` apart, ``zero`` being 0."""

    def __init__(self, conv: nn.Conv2d, step: float, zero: int) -> None:
        assert conv.bias is not None
        self.bias: Tensor = conv.bias.detach()
        self.step, self.zero = step, zero
        weight, self.steps = quantized_weight(conv.weight.detach())
        self.packed: Tensor = torch.ops.onednn.qconv_prepack(
            weight, self.steps, 1.0, zero, _ONES, _ONES, _ONES, 1, None
        )
        self.none = torch.zeros(len(weight), dtype=torch.int32)

    def quantized(self, features: Tensor) -> Tensor:
        """Float32 features as the whole numbers that the convolution takes, uint8."""
        return quantize(features, self.step, self.zero)

    def __call__(self, whole: Tensor) -> Tensor:
        """Its result in float32."""
        return self._run(whole, self.steps, self.bias, 1.0, torch.float32, "none")

    def relu(self, whole: Tensor, affine: tuple[Tensor, Tensor], step: float) -> Tensor:
        """A ReLU of its result after FiLM (1, c), in whole numbers, uint8, ``step`` apart."""
        scale, shift = affine[0][0], affine[1][0]
        bias = torch.addcmul(shift, self.bias, scale)
        return self._run(whole, self.steps * scale, bias, step, torch.uint8, "relu")

    def _run(
        self,
        whole: Tensor,
        steps: Tensor,
        bias: Tensor,
        step: float,
        dtype: torch.dtype,
        after: str,
    ) -> Tensor:
        result: Tensor = torch.ops.onednn.qconv2d_pointwise(
            whole, self.step, self.zero, self.packed, steps, self.none, bias,
            _ONES, _ONES, _ONES, 1, step, 0, dtype, after, [], "",
        )  # fmt: skip
        return result

    def add_to(self, total: Tensor, whole: Tensor) -> None:
        """Add its result to float32 features (N, c, h, w), channels_last."""
        torch.ops.onednn.qconv2d_pointwise.binary(
            whole, self.step, self.zero, self.packed, self.steps, self.none, total, self.bias,
            _ONES, _ONES, _ONES, 1, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "none", [], "",
        )  # fmt: skip


def quantize(features: Tensor, step: float, zero: int) -> Tensor:
    """Float32 features (N, c, h, w) / step + zero, rounded and held to 0 … 255: uint8."""
    values = features.permute(0, 2, 3, 1).contiguous()
    whole = torch.empty_like(values, dtype=torch.uint8)
    size = _CHUNK * torch.get_num_threads()
    room, middle = torch.empty(min(size, values.numel())), torch.tensor(_ROUNDING + zero)
    for part, target in zip(values.view(-1).split(size), whole.view(-1).split(size), strict=True):
        rounded = torch.add(middle, part, alpha=1 / step, out=room[: len(part)])
        rounded.clamp_(_ROUNDING, _ROUNDING + _WHOLE)
        target.copy_(rounded.view(torch.int32))  # keeps the lowest 8 bits
    return whole.permute(0, 3, 1, 2)


def quantized_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in, 3, 3) as int8, and the step of each output channel, float32.

    Each is at most 127 steps; two of neighbouring inputs, of one sign, are at most 128 together.
    """
    positive = F.pad(weight.clamp(min=0), (0, 0, 0, 0, 0, weight.shape[1] % 2))
    negative = F.pad((-weight).clamp(min=0), (0, 0, 0, 0, 0, weight.shape[1] % 2))
    pairs = torch.maximum(
        positive[:, ::2] + positive[:, 1::2], negative[:, ::2] + negative[:, 1::2]
    )
    # To round may add half a step to each of the two.
    steps = torch.maximum(weight.abs().amax((1, 2, 3)) / _HALF, pairs.amax((1, 2, 3)) / (_PAIR - 1))
    steps = steps.clamp(min=torch.finfo(torch.float32).tiny)
    return (weight / steps[:, None, None, None]).round().to(torch.int8), steps


@cache
def int8_works() -> bool:
    """Whether this machine and this build of PyTorch have the operations, as they are used here."""
    values = torch.arange(16.0 * 6 * 6).sin().view(1, 16, 6, 6)
    conv = nn.Conv2d(16, 16, 3, padding=1).requires_grad_(False)
    conv.weight.copy_(torch.arange(16.0 * 16 * 9).cos().view_as(conv.weight))
    affine = torch.linspace(-1, 1, 16)[None], torch.full((1, 16), 0.5)
    try:
        with torch.no_grad():
            quantized = _Int8Convolution(conv, 1 / _HALF, _MIDDLE)
            whole = quantized.quantized(values)
            between = quantized.relu(whole, affine, 0.1)
            total = quantized(whole)
            quantized.add_to(total, whole)
    except (AttributeError, RuntimeError, TypeError):
        return False
    weight, steps = quantized_weight(conv.weight)
    conv.weight.copy_(weight * steps[:, None, None, None])
    expected = conv((whole.float() - _MIDDLE) / _HALF)
    shown = modulate(expected, affine).relu().clamp(max=0.1 * _WHOLE)
    same = torch.allclose(total, 2 * expected, rtol=1e-4, atol=1e-3)
    return same and bool((between * 0.1 - shown).abs().amax() < 0.06)


def ranges_of(generator: Generator, told: Mapping[str, object]) -> dict[str, StageRanges]:
    """Ranges as a checkpoint tells them, checked. Raises ValueError if they are not its own."""
    stages = stages_of(generator)
    if set(told) != set(stages):
        raise ValueError("its ranges for int8 are those of another network")
    found = {}
    for name, stage in stages.items():
        rows = told[name]
        if not isinstance(rows, list) or len(rows) != len(stage.blocks):
            raise ValueError("its ranges for int8 are those of another network")
        found[name] = tuple(_pair(row) for row in rows)
    return found


def _pair(row: object) -> tuple[float, float]:
    match row:
        case [float() | int() as features, float() | int() as between]:
            if 1e-6 <= features <= 1e6 and 1e-6 <= between <= 1e6:
                return float(features), float(between)
    raise ValueError("its ranges for int8 are no numbers from 1e-6 to 1e6")
