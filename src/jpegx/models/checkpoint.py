"""Checkpoints of generators: safetensors files, never pickles."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from jpegx.io.atomic_file import atomic_file
from jpegx.models.checkpoint_header import FORMAT, BadCheckpoint, CheckpointHeader, read_header
from jpegx.models.generator import Generator
from jpegx.models.int8 import ranges_of, stages_of
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer
from jpegx.models.zoo import TRUNKS, find


def save(
    path: Path, generator: Generator, card: dict[str, object], *, overwrite: bool = True
) -> None:
    """Write a generator: weights in float16, statistics in float32; the rest in the metadata.

    The rest are its configuration, its ranges if it has any, and its card.

    ``card``: anything that JSON holds. Folders are made; an existing file is replaced when the new
    one is whole, or with ``overwrite`` False it stays. Raises ValueError if a weight is not finite
    in float16, OSError if the file cannot be written, FileExistsError if it is there and stays.
    """
    weights = dict(generator.named_parameters())
    tensors = {
        name: tensor.detach()
        .to("cpu", torch.float16 if name in weights else torch.float32)
        .contiguous()
        for name, tensor in saved_state(generator).items()
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise ValueError(
                f"tensor {name!r} is not finite in {tensor.dtype}".replace("torch.", "")
            )
    metadata = {
        "format": FORMAT,
        "family": generator.family,
        "config": json.dumps(generator.config.to_dict()),
        "card": json.dumps(card),
        **({"ranges": json.dumps(generator.ranges)} if generator.ranges else {}),
    }
    with atomic_file(path, overwrite=overwrite) as stream:
        stream.write(to_bytes(tensors, metadata))


def saved_state(generator: Generator) -> dict[str, Tensor]:
    """The tensors that a checkpoint has: all but counters, as batch normalization keeps some."""
    state: dict[str, Tensor] = generator.state_dict()
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}


def open_model(model: str) -> tuple[Path, Generator, dict[str, object]]:
    """The file of a model, its generator as :func:`load` gives it, and its card.

    ``model``: installed weights, or a safetensors file. Of a name that stands for the trunk of
    other weights the generator is that trunk, a regression. Raises BadCheckpoint.
    """
    path = find(model)
    generator, card = load(path)
    if model in TRUNKS:
        silent = generator.config_class.silent(generator.config.to_dict())
        trunk = generators.create(generator.family, silent)
        transfer(generator, trunk)
        if generator.ranges:
            trunk.ranges = {name: generator.ranges[name] for name in stages_of(trunk)}
        generator = trunk.eval()
    return path, generator, card


def load(path: Path) -> tuple[Generator, dict[str, object]]:
    """A generator in evaluation mode, its tensors in float32 on the CPU, and its card.

    Raises BadCheckpoint, one line that begins with the file's name, for anything that is not a
    whole checkpoint of a known family.
    """
    header = read_header(path)
    generator = _build(path, header)
    wanted = {name: tuple(tensor.shape) for name, tensor in saved_state(generator).items()}
    _compare(path, wanted, header.shapes)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise BadCheckpoint(f"{path}: {reason}; get an undamaged copy") from None
    for name, tensor in tensors.items():
        # A sum is not finite where a number is not: the quickest look at all of them.
        if not tensor.is_floating_point() or not tensor.sum(dtype=torch.float32).isfinite():
            raise BadCheckpoint(f"{path}: tensor {name!r} does not hold finite numbers")
    values: dict[str, Tensor] = {k: v.float() for k, v in tensors.items()}
    for name, tensor in generator.state_dict().items():
        values.setdefault(name, torch.zeros(tensor.shape, dtype=tensor.dtype))
    generator.load_state_dict(values, assign=True)
    if header.ranges:
        try:
            generator.ranges = ranges_of(generator, header.ranges)
        except ValueError as error:
            raise BadCheckpoint(f"{path}: {error}; make them anew with jpegx train int8") from None
    return generator.eval(), header.card


def _build(path: Path, header: CheckpointHeader) -> Generator:
    # On the meta device a hostile configuration takes no memory before the shapes are compared.
    try:
        with torch.device("meta"):
            return generators.create(header.family, header.config)
    except ValueError as error:
        raise BadCheckpoint(
            f"{path}: {error}; it needs another version of jpegx, or is damaged"
        ) from None


def _compare(
    path: Path, wanted: dict[str, tuple[int, ...]], there: dict[str, tuple[int, ...]]
) -> None:
    missing = [name for name in wanted if name not in there]
    surplus = [name for name in there if name not in wanted]
    other = [name for name in wanted if name in there and wanted[name] != there[name]]
    for names, what in (
        (missing, "is missing"),
        (surplus, "is unknown"),
        (other, "has wrong size"),
    ):
        if names:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            raise BadCheckpoint(
                f"{path}: tensor {names[0][:80]!r}{more} {what}; get the file again"
            )
