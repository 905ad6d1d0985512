"""Random weights for frozen networks, by the names of the files that hold the trained ones."""

import torch
from torch import Tensor

# Kernel, stride, whether it expands, channels in and out of the first blocks of the table in Tan
# and Le 2019 (MBConv1 16, MBConv6 24 twice, 40 twice, 80 three times, 112 three times).
BLOCKS = [
    (3, 1, 1, 32, 16),
    (3, 2, 6, 16, 24),
    (3, 1, 6, 24, 24),
    (5, 2, 6, 24, 40),
    (5, 1, 6, 40, 40),
    (3, 2, 6, 40, 80),
    (3, 1, 6, 80, 80),
    (3, 1, 6, 80, 80),
    (5, 1, 6, 80, 112),
    (5, 1, 6, 112, 112),
    (5, 1, 6, 112, 112),
]


def efficientnet_state() -> dict[str, Tensor]:
    """Random tensors by the names of the package's file."""
    random = torch.Generator().manual_seed(0)
    state = {}

    def add(conv: str, normalization: str, *shape: int) -> None:
        fan = shape[1] * shape[2] * shape[3]
        state[f"{conv}.weight"] = torch.randn(shape, generator=random) / fan**0.5
        for part, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5)):
            values = torch.rand(shape[0], generator=random) + low
            state[f"{normalization}.{part}"] = values
        state[f"{normalization}.running_var"] = torch.rand(shape[0], generator=random) + 0.5

    add("_conv_stem", "_bn0", 32, 3, 3, 3)
    for index, (kernel, _, expansion, inputs, outputs) in enumerate(BLOCKS):
        block, inner = f"_blocks.{index}.", inputs * expansion
        if expansion > 1:
            add(f"{block}_expand_conv", f"{block}_bn0", inner, inputs, 1, 1)
        add(f"{block}_depthwise_conv", f"{block}_bn1", inner, 1, kernel, kernel)
        add(f"{block}_project_conv", f"{block}_bn2", outputs, inner, 1, 1)
    return state
