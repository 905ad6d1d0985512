"""Checkpoints: all that a run needs to go on as if it had never stopped.

Networks and optimizers are tensors in a safetensors file, the rest is text in its header. Every
random number of training is a function of (seed, step), so there is no other state.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.io.atomic_file import atomic_file
from jpegx.models.generator import Generator
from jpegx.models.registry import generators
from jpegx.training.folder import BadRun, RunFolder
from jpegx.training.networks import Networks
from jpegx.training.stages.stage import Stage


class UnreadableCheckpoint(JpegxError):
    """A checkpoint that training cannot go on from: missing, broken, or of another recipe."""


@dataclass
class Position:
    """Where a run is.

    ``stage``: the name of a stage, or "done". ``step``: steps done, ``seconds``: time spent, all in
    all; ``stage_step`` and ``stage_seconds``: those in the stage. ``best``: the best score of a
    validation in it.
    """

    stage: str
    step: int = 0
    seconds: float = 0.0
    stage_step: int = 0
    stage_seconds: float = 0.0
    best: float | None = None

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self.stage, self.stage_step, self.stage_seconds, self.best = stage, 0, 0.0, None


def save_checkpoint(path: Path, networks: Networks, stage: Stage[Any], position: Position) -> None:
    """Write a checkpoint: whole, or not at all (the old one stays).

    ``stage``: the one that the run is in, or that came last.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in {**networks.modules(), **stage.own_networks()}.items():
        tensors |= {f"{name}:{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in stage.optimizers().items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}-optimizer:{index}:{key}": v for key, v in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_file(path, overwrite=True) as file:
        try:
            save_file(tensors, file.name, {"position": json.dumps(asdict(position))})
        except SafetensorError as error:  # it knows neither the file's name nor the system's words
            raise JpegxError(f"{path}: cannot be written ({error}); is the disk full?") from error


def load_checkpoint(path: Path, networks: Networks, stages: Mapping[str, Stage[Any]]) -> Position:
    """Put networks and optimizers back where a checkpoint left them; returns its position.

    ``stages``: those of the run, in their order. Raises UnreadableCheckpoint.
    """
    position, tensors = _read(path)
    try:
        name = list(stages)[-1] if position.stage == "done" else position.stage
        stage = stages[name]
        for name, module in {**networks.modules(), **stage.own_networks()}.items():
            module.load_state_dict(_under(f"{name}:", tensors))
        for name, optimizer in stage.optimizers().items():
            restore(optimizer, _under(f"{name}-optimizer:", tensors))
    except (KeyError, RuntimeError) as error:
        raise _of_another_recipe(path, error) from error
    return position


def load_run(folder: RunFolder) -> tuple[Generator, Position, dict[str, dict[str, Tensor]]]:
    """What a run has trained by its last checkpoint: the averaged generator, on the CPU.

    Also its position, and the tensors of what else its stage has, by name (a critic). Raises
    UnreadableCheckpoint, BadRun if another version of jpegx made the run.
    """
    options = folder.settings().recipe.generator
    try:
        generator = generators.create(options.family, options.config)
    except ValueError as error:
        raise BadRun(f"{folder.path}: of another version of jpegx: {error}") from error
    position, tensors = _read(folder.last)
    try:
        generator.load_state_dict(_under("average:", tensors))
    except RuntimeError as error:
        raise _of_another_recipe(folder.last, error) from error
    names = {name.partition(":")[0] for name in tensors} - {"generator", "average"}
    others = {n: _under(f"{n}:", tensors) for n in names if not n.endswith("-optimizer")}
    return generator.requires_grad_(False).eval(), position, others


def _read(path: Path) -> tuple[Position, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            position = Position(**json.loads(file.metadata()["position"]))
            return position, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except FileNotFoundError as error:
        raise UnreadableCheckpoint(f"{path}: no checkpoint here yet") from error
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _of_another_recipe(path, error) from error


def _of_another_recipe(path: Path, error: Exception) -> UnreadableCheckpoint:
    # What PyTorch misses in a checkpoint, it says in a line of its own.
    reason = str(error).splitlines()[:2][-1].strip()
    return UnreadableCheckpoint(f"{path}: not a checkpoint of this recipe: {reason}")


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the state ``INDEX:KEY`` of each of its parameters."""
    for index, parameter in enumerate(optimizer.param_groups[0]["params"]):
        state = _under(f"{index}:", tensors)
        if state:
            # In the memory layout of the parameter, as the optimizer itself makes them.
            optimizer.state[parameter] = {
                # Fused Adam's step, without dimensions, must be where the parameter is.
                key: torch.empty_like(
                    parameter if value.dim() else value, device=parameter.device
                ).copy_(value)
                for key, value in state.items()
            }
