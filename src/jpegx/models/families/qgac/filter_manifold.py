"""Convolutions of whole blocks whose weights a small network makes from the quantization table."""

import torch
from torch import Tensor, nn

from jpegx.models.families.qgac.block_layers import ParametricRelu


class FilterManifold(nn.Module):
    """A convolutional filter manifold (CFM) of stride 8, which sees each block of 8x8 by itself.

    Ehrlich et al. 2020, 3.1 and Fig. 3: two layers take the table to a point of so many numbers
    (``manifold``), which makes a weight and a bias for each file. ``inputs``, ``outputs``:
    channels. Not ``transposed``: (N, 64 * inputs, h, w), the coefficients of each block,
    frequency-major, become (N, outputs, h, w); ``transposed``: the other way round.

    ``guide``: "cfm"; for the ablations of the paper (Table 5) "concat", where the table is one more
    channel of every block, which adds the same to all blocks, or "none".
    """

    def __init__(
        self, inputs: int, outputs: int, manifold: int, guide: str, *, transposed: bool = False
    ) -> None:
        super().__init__()
        self.guide = guide
        self.transposed = transposed
        size = manifold if guide == "cfm" else 1
        if guide == "cfm":
            self.point = nn.Sequential(
                nn.Linear(64, size), ParametricRelu(), nn.Linear(size, size), ParametricRelu()
            )
        self.bias = nn.Linear(64 if guide == "concat" else size, outputs)
        shape = (inputs, 64 * outputs) if transposed else (64 * inputs, outputs)
        self.kernel = nn.Parameter(torch.empty(size, *shape))
        self.shift = nn.Parameter(torch.zeros(inputs, outputs))
        bound = (0.06 if transposed else 0.4) * (6 / size) ** 0.5
        # He's for what makes the weights, times 0.1: the weights then are about He's for blocks.
        # (Uniform: see :func:`jpegx.models.layers.begin_as_he`.)
        nn.init.uniform_(self.kernel, -bound, bound)
        nn.init.zeros_(self.bias.bias)

    def forward(self, features: Tensor, tables: Tensor) -> Tensor:
        """Features as above. ``tables``: (N, 64), steps / 255.

        What comes in float32 is computed so, whatever the type of the weights, which the result
        has: bfloat16 would round the lowest frequencies to whole gray levels.
        """
        dtype = self.kernel.dtype
        weight, bias = self.filters(tables.to(dtype))
        count, _, height, width = features.shape
        blocks = features.permute(0, 2, 3, 1).reshape(count, height * width, -1)
        with torch.autocast(features.device.type, enabled=False):
            # All blocks of a file are one matrix; a convolution in groups takes a CPU far longer.
            result = torch.baddbmm(bias.to(blocks.dtype), blocks, weight.to(blocks.dtype))
        return result.view(count, height, width, -1).permute(0, 3, 1, 2).to(dtype)

    def filters(self, tables: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (N, numbers in, numbers out) of a block, and biases (N, 1, numbers out)."""
        point = self.point(tables) if self.guide == "cfm" else tables.new_ones(len(tables), 1)
        weight = (point @ self.kernel.flatten(1)).unflatten(1, self.kernel.shape[1:])
        # What is added is the same at all frequencies.
        each = (1, 64) if self.transposed else (64, 1)
        bias = self.bias(tables if self.guide == "concat" else point)[:, None]
        if self.transposed:
            bias = bias.repeat(1, 1, 64)
        return weight + self.shift.repeat(each).to(weight.dtype), bias
