"""Where to compute, and the number type and memory layout in which a generator runs best there."""

import torch

from jpegx.errors import JpegxError
from jpegx.models.generator import Generator
from jpegx.models.int8 import Int8Blocks, in_int8, int8_works, stages_of
from jpegx.sampling.spec import MeaninglessOption, Precision, SamplerSpec


def choose_device(name: str) -> torch.device:
    """The device of "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N", the GPU of a number.

    Raises JpegxError if CUDA, or that GPU, is asked for and not there.
    """
    kind, _, number = name.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise JpegxError("PyTorch finds no CUDA GPU here; use cpu")
    if number and int(number) >= (count := torch.cuda.device_count()):
        raise JpegxError(f"PyTorch finds no {name}; use one of cuda:0 to cuda:{count - 1}, or cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The number type of "auto" (bfloat16 where the hardware has it), "float32" or "bfloat16".

    What "int8" is made of is float32.
    """
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


def in_fastest(generator: Generator, spec: SamplerSpec) -> Generator:
    """What draws, for a prepared generator: itself, or what computes in int8 as it does.

    "auto" takes int8 on a CPU with AVX2 and without bfloat16, if the weights have ranges for it.
    Raises MeaninglessOption if the spec asks for int8 where there is none.
    """
    if spec.precision == "int8":
        _check_int8(generator, spec.model)
    elif spec.precision != "auto" or not _gains_by_int8(generator):
        return generator
    return in_int8(generator)


def number_type(generator: Generator) -> str:
    """What a generator computes in: "float32", "bfloat16" or "int8"."""
    if any(isinstance(module, Int8Blocks) for module in generator.modules()):
        return "int8"
    return str(generator.dtype).removeprefix("torch.")


def _gains_by_int8(generator: Generator) -> bool:
    """Whether int8 was shown to be faster on such a machine, and can be had."""
    on_cpu = next(generator.parameters()).device.type == "cpu"
    if not (on_cpu and generator.dtype == torch.float32 and generator.ranges):
        return False
    return torch.backends.cpu.get_cpu_capability().startswith("AVX") and int8_works()


def _check_int8(generator: Generator, model: str) -> None:
    reason, advice = None, None
    if not stages_of(generator):
        reason = "its network has no int8"
    elif not generator.ranges:
        reason, advice = "its weights have no ranges for int8", "make them with jpegx train int8"
    elif next(generator.parameters()).device.type != "cpu":
        reason, advice = "int8 is for CPUs", "add --device cpu"
    elif not int8_works():
        reason = "this processor, or this build of PyTorch, has no int8 convolutions"
    if reason is not None:
        raise MeaninglessOption(model, "precision", reason, advice)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # PyTorch tells by a name that is not documented; without it float32 is the safe choice. Other
    # processors only emulate bfloat16, more slowly than they compute in float32.
    tell = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(tell is not None and tell())
