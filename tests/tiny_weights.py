"""Small networks of random weights."""

from pathlib import Path

import torch

from jpegx.models import checkpoint
from jpegx.models.registry import generators


def write_weights(path: Path, seed: int, card: dict[str, object], **config: object) -> Path:
    """A sampler, or with ``noise=False`` a regression, in a file."""
    torch.manual_seed(seed)
    generator = generators.create("unet", {"widths": [8], "encoder": [1], "decoder": [1], **config})
    for parameter in generator.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    checkpoint.save(path, generator, card)
    return path
