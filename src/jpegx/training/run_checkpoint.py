"""Checkpoints: all that a run needs to go on as if it had never stopped.

Networks and optimizers are tensors in a safetensors file, the rest is text in its header. Every
random number of training is a function of (seed, step), so there is no other state.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.io.atomic_file import atomic_file
from jpegx.training.folder import BadRun, RunFolder
from jpegx.training.networks import Networks, create_networks
from jpegx.training.recipe.recipe import Recipe


class UnreadableCheckpoint(JpegxError):
    """A checkpoint that training cannot go on from: missing, broken, or of another recipe."""


@dataclass
class Position:
    """Where a run is.

    ``step``: steps done, ``seconds``: time spent, all in all. ``stage``: "regression",
    "adversarial" or "done"; ``stage_step`` and ``stage_seconds``: steps and time spent in it.
    ``best``: the best score of a validation in it.
    """

    step: int = 0
    seconds: float = 0.0
    stage: str = "regression"
    stage_step: int = 0
    stage_seconds: float = 0.0
    best: float | None = None

    def enter(self, stage: str) -> None:
        """A stage begins."""
        self.stage, self.stage_step, self.stage_seconds, self.best = stage, 0, 0.0, None


def save_checkpoint(path: Path, networks: Networks, position: Position) -> None:
    """Write a checkpoint: whole, or not at all (the old one stays)."""
    tensors: dict[str, Tensor] = {}
    for name, module in networks.modules().items():
        tensors |= {f"{name}:{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in networks.optimizers().items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}-optimizer:{index}:{key}": v for key, v in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_file(path, overwrite=True) as file:
        try:
            save_file(tensors, file.name, {"position": json.dumps(asdict(position))})
        except SafetensorError as error:  # it knows neither the file's name nor the system's words
            raise JpegxError(f"{path}: cannot be written ({error}); is the disk full?") from error


def load_checkpoint(path: Path, networks: Networks) -> Position:
    """Put networks and optimizers back where a checkpoint left them; returns its position.

    Raises UnreadableCheckpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            position = Position(**json.loads(file.metadata()["position"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        for name, module in networks.modules().items():
            module.load_state_dict(_under(f"{name}:", tensors))
        for name, optimizer in networks.optimizers().items():
            restore(optimizer, _under(f"{name}-optimizer:", tensors))
    except FileNotFoundError as error:
        raise UnreadableCheckpoint(f"{path}: no checkpoint here yet") from error
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        # What PyTorch misses in a checkpoint, it says in a line of its own.
        reason = str(error).splitlines()[:2][-1].strip()
        raise UnreadableCheckpoint(f"{path}: not a checkpoint of this recipe: {reason}") from error
    return position


def load_run(folder: RunFolder, recipe: Recipe) -> tuple[Networks, Position]:
    """What a run of a recipe has trained by its last checkpoint, on the CPU, and its position.

    Without the reference of the moments, whose file may be gone.
    Raises UnreadableCheckpoint, BadRun if another version of jpegx made the run.
    """
    losses = replace(recipe.losses, first_moment=0.0, second_moment=0.0)
    recipe = replace(recipe, losses=losses)
    try:
        networks = create_networks(recipe, torch.device("cpu"), None)
    except ValueError as error:
        raise BadRun(f"{folder.path}: of another version of jpegx: {error}") from error
    return networks, load_checkpoint(folder.last, networks)


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
