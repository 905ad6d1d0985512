"""Where to compute, and the number type and memory layout in which a generator runs best there."""

import torch

from jpegx.errors import JpegxError
from jpegx.models.generator import Generator
from jpegx.sampling.spec import Precision


def choose_device(name: str) -> torch.device:
    """The device of "auto" (a GPU if there is one), "cpu" or "cuda".

    Raises JpegxError if CUDA is asked for and not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise JpegxError("--device cuda: PyTorch finds no CUDA GPU here; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The number type of "auto" (bfloat16 where the hardware has it), "float32" or "bfloat16"."""
    if name == "auto":
        return torch.bfloat16 if _has_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def prepare(generator: Generator, device: torch.device, precision: Precision) -> Generator:
    """The generator itself, moved to where and how it runs best, for rendering only."""
    dtype = choose_precision(precision, device)
    if dtype not in generator.needs.types:
        dtype = generator.needs.types[0]
    generator.to(device, dtype).requires_grad_(False).eval()
    # The one overload of Module.to that takes a memory format has it as its only argument.
    return generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # PyTorch tells by a name that is not documented; without it float32 is the safe choice. Other
    # processors only emulate bfloat16, more slowly than they compute in float32.
    tell = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(tell is not None and tell())
