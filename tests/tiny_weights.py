"""Small networks of random weights, and what is drawn from them."""

from pathlib import Path

import torch
from torch import Tensor

from jpegx.jpeg.file import read_jpeg
from jpegx.models import checkpoint
from jpegx.models.registry import generators
from jpegx.sampling.source import open_source


def write_weights(path: Path, seed: int, card: dict[str, object], **config: object) -> Path:
    """A sampler, or with ``noise=False`` a regression, in a file."""
    torch.manual_seed(seed)
    generator = generators.create("unet", {"widths": [8], "encoder": [1], "decoder": [1], **config})
    for parameter in generator.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    checkpoint.save(path, generator, card)
    return path


def drawn(
    jpeg: Path, model: Path | str, samples: int, *options: object, **more: object
) -> list[Tensor]:
    """Samples of a file; ``options``: temperature; ``more``: of ``open_source`` too."""
    source = open_source(str(model), "cpu", "float32", *options, **more)  # type: ignore[arg-type]
    return list(source.draw(read_jpeg(jpeg), samples, 7))
