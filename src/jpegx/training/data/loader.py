"""Groups of patches, decoded and cut by worker processes ahead of the steps that need them."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_all_start_methods

import torch
from torch.utils.data import DataLoader, Dataset

from jpegx.signals import STOP_SIGNALS
from jpegx.training.data.images import ImageSet
from jpegx.training.data.patches import Group, PatchRules, draw_group

_AHEAD = 8  # groups that each worker prepares ahead


@dataclass(frozen=True)
class _Groups(Dataset[Group | Exception]):
    """All groups of a run, by their number: step x groups of a batch + group of the batch.

    A failure is handed on as it is: PyTorch would put a worker's traceback into its message.
    """

    images: ImageSet
    rules: PatchRules
    seed: int
    per_batch: int

    def __getitem__(self, number: int) -> Group | Exception:
        step, index = divmod(number, self.per_batch)
        try:
            return draw_group(self.images, self.rules, self.seed, step, index)
        except Exception as error:
            return error


@dataclass(frozen=True)
class _Numbers:
    """The numbers of the groups of some steps, of those in ``mine`` of each batch, in order."""

    steps: range
    per_batch: int
    mine: range

    def __iter__(self) -> Iterator[int]:
        return (step * self.per_batch + index for step in self.steps for index in self.mine)

    def __len__(self) -> int:
        return len(self.steps) * len(self.mine)


def load_steps(
    images: ImageSet,
    rules: PatchRules,
    seed: int,
    per_batch: int,
    mine: range,
    steps: range,
    workers: int,
) -> Iterator[Sequence[Group]]:
    """For each of the steps, the groups in ``mine`` out of the ``per_batch`` groups of its batch.

    ``workers``: processes that read and cut ahead; 0 does it in this process. Raises LostImage.
    """
    # A fork shares the decoded images; a new interpreter would copy them.
    fork = workers and "fork" in get_all_start_methods()
    loader = DataLoader(
        _Groups(images, rules, seed, per_batch),
        sampler=_Numbers(steps, per_batch, mine),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
        multiprocessing_context="fork" if fork else None,
        worker_init_fn=_leave_messages_to_parent,
        pin_memory=torch.cuda.is_available(),
    )
    groups = iter(loader)
    try:
        for _ in steps:
            yield [_checked(next(groups)) for _ in mine]
    finally:
        # A failure would keep them and their workers, which are deaf to what Python tells them when
        # it ends, and it would wait for them.
        del groups, loader


def _checked(group: Group | Exception) -> Group:
    if isinstance(group, Exception):
        raise group
    return group


def _leave_messages_to_parent(worker: int) -> None:
    """A worker would inherit the program's signal handlers; the program ends it when it ends.

    Its exceptions reach the program; what Python itself would print of a program that has ended
    (a traceback of the thread that shares memory) is of no use to anybody.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
