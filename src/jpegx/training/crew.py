"""The processes that train one network together (torchrun), or the only one."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from jpegx.errors import JpegxError


class BadCrew(JpegxError):
    """The processes cannot share the work out evenly."""


@dataclass(frozen=True)
class Crew:
    """Process ``rank`` of ``size``, all with equal networks and optimizers."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """True for the one that writes files and messages."""
        return self.rank == 0

    def share(self, items: int, parts: int) -> range:
        """The numbers of this process's items, which it works on in so many equal parts.

        Raises BadCrew if they cannot be shared evenly.
        """
        if items % (self.size * parts):
            how = f", in {parts} parts each (training.accumulate)" if parts > 1 else ""
            raise BadCrew(
                f"{items} groups cannot be shared by {self.size} processes{how}; set data.groups "
                f"to a multiple of {self.size * parts}"
            )
        each = items // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace the gradients by their mean over all processes, in one exchange.

        A parameter that no loss reached has a gradient of zero after it.
        """
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        if self.size == 1:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
            values /= self.size
        return values

    def agree(self, value: float, device: torch.device) -> float:
        """What the first process says."""
        if self.size == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64, device=device)
        dist.broadcast(said, src=0)
        return float(said)

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.size > 1:
            dist.barrier()


def own_device(device: torch.device) -> torch.device:
    """The device of this process: under torchrun, the GPU with its number on the machine."""
    if device.type != "cuda":
        return device
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", device.index or 0)))
    torch.cuda.set_device(own)
    return own


@contextmanager
def join_crew(device: torch.device) -> Iterator[Crew]:
    """The crew that torchrun started this process for; a crew of one without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Crew()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Crew(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
