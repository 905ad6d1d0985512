"""Decoding on a Ray cluster, or on one that is started here for the run: ``--executor ray``.

Inputs and outputs are on disks that all machines share; jpegx is installed on each.
"""

import logging
import os
import signal
import socket
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from urllib.parse import urlsplit

from jpegx.batch.executors.dispatch import Dispatcher, Done, Lost, Message
from jpegx.batch.outcomes import Outcome
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import NOBODY, Busy, Task, Watch
from jpegx.errors import JpegxError
from jpegx.io.atomic_file import remove_leftovers
from jpegx.signals import STOP_SIGNALS

_ANSWER = 10.0  # seconds in which a cluster answers
_AHEAD = 2  # tasks that an actor has: one at work, one so that it need not wait


class NoRay(JpegxError):
    """Ray is not installed, or no cluster answers."""


class RayExecutor:
    """Decodes in actors, each of which opens the sampler once.

    ``address``: of a cluster, as Ray names them ("auto", "ray://host:port"); without it one is
    started for the run. ``jobs``: actors; without it one for each GPU, or else each core, of the
    cluster.
    """

    def __init__(
        self,
        settings: DecodeSettings,
        address: str | None,
        jobs: int | None,
        watch: Watch = NOBODY,
    ) -> None:
        self._settings = settings
        self._address = address
        self._jobs = jobs
        self._watch = watch
        self._ray: Any = None
        self._actors: _Actors

    def __enter__(self) -> Self:
        """Connect, and wait until an actor has opened the sampler.

        Raises JpegxError, of which NoRay is one.
        """
        self._ray = connect(self._address, self._jobs)
        try:
            self._actors = _Actors(self._ray, self._settings, self._jobs)
            self._actors.open()
        except BaseException:
            self._ray.shutdown()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Leave the cluster."""
        self._ray.shutdown()

    def run(self, tasks: Iterator[Task | Outcome]) -> Generator[Outcome, None, None]:
        """The outcomes of the tasks: see :class:`Executor`."""
        try:
            yield from Dispatcher(tasks, self._actors, self._watch).run()
        finally:
            self._actors.stop()


def connect(address: str | None, jobs: int | None) -> ModuleType:
    """Ray's module, connected to a cluster, or to one that is started here. Raises NoRay."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        ray = import_module("ray")
    except ImportError:
        raise NoRay("--executor ray needs Ray; pip install 'jpegx[ray]'") from None
    if address is not None:
        _check_address(address)
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    own: dict[str, Any] = {"address": address} if address else {"num_cpus": jobs}
    try:
        ray.init(
            **own,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            ignore_reinit_error=True,
        )
    except Exception as error:  # it raises what it runs into
        reason = str(error).partition("\n")[0]
        if address not in (None, "auto") and "RAY_AUTH_MODE" not in os.environ:
            reason += "; for a cluster that wants its token set RAY_AUTH_MODE=token"
        raise NoRay(f"no Ray cluster at {address or 'this machine'} ({reason})") from None
    for number, handler in before.items():  # Ray sets its own
        signal.signal(number, handler)
    return ray


def _check_address(address: str) -> None:
    """Raises NoRay at once if nothing answers there: Ray itself tries for minutes, and says so."""
    at = address
    if address == "auto":
        known = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
        at = os.environ.get("RAY_ADDRESS") or (known.read_text() if known.is_file() else "")
        if not at:
            return  # which Ray tells at once
    try:
        parts = urlsplit(at if "://" in at else f"//{at}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise NoRay(f"--address {address}: it names no cluster; give auto or HOST:PORT")
    try:
        socket.create_connection((host, port), timeout=_ANSWER).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise NoRay(
            f"no Ray cluster at {address}{f' ({at})' if at != address else ''}: {reason}; "
            "start one with ray start --head, or leave out --address"
        ) from None


def workers_of(ray: ModuleType, device: str, jobs: int | None) -> tuple[dict[str, int], int]:
    """What each actor asks of a cluster, and how many there are to be.

    One for each GPU if the ``device`` may be one, or else each core; or ``jobs``.
    """
    resources = ray.cluster_resources()
    gpus = 0 if device == "cpu" else int(resources.get("GPU", 0))
    options = {"num_cpus": 1, "num_gpus": 1 if gpus else 0, "max_restarts": 0}
    return options, jobs or gpus or max(1, int(resources.get("CPU", 1)))


class _Decoder:
    """What an actor does."""

    def __init__(self, settings: DecodeSettings) -> None:
        import torch

        from jpegx.batch.encoder import Encoder
        from jpegx.batch.file_work import Work
        from jpegx.io.allocator import keep_freed_memory
        from jpegx.sampling.sampler import open_sampler

        keep_freed_memory()
        torch.set_num_threads(1)
        self._refused: JpegxError | None = None
        try:
            sampler = open_sampler(settings.spec)
        except JpegxError as error:  # an exception here would come out wrapped in Ray's
            self._refused = error
            return
        self._work = Work(settings, sampler, NOBODY, Encoder(settings, None))

    def refused(self) -> JpegxError | None:
        """Why the sampler cannot be opened."""
        return self._refused

    def decode(self, task: Task) -> list[Message]:
        """All that there is to tell of a task. Raises JpegxError without a sampler."""
        from jpegx.batch.file_work import in_order

        if self._refused is not None:
            raise self._refused
        steps = list(self._work.steps(task))
        if any(isinstance(step, Busy) for step in steps):
            return [Busy()]
        told = (step for step in steps if not isinstance(step, Busy))
        return [*in_order(told), Done()]


@dataclass
class _Actor:
    handle: Any
    tasks: dict[Any, tuple[int, Task]] = field(default_factory=dict)


class _Actors:
    """Actors. One that dies is replaced."""

    def __init__(self, ray: ModuleType, settings: DecodeSettings, jobs: int | None) -> None:
        self._ray = ray
        self._settings = settings
        self._options, self._jobs = workers_of(ray, settings.spec.device, jobs)
        self._actors: list[_Actor] = []

    def open(self) -> None:
        """Start the first. Raises JpegxError if it cannot open the sampler."""
        first = self._start()
        self._actors.append(first)
        try:
            refused: JpegxError | None = self._ray.get(first.handle.refused.remote())
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().partition("\n")[0]
            raise NoRay(f"a worker could not open what is to decode ({reason})") from None
        if refused is not None:
            raise refused

    def _start(self) -> _Actor:
        remote = self._ray.remote(**self._options)(_Decoder)
        return _Actor(remote.remote(self._settings))

    @property
    def room(self) -> int:
        """See :class:`Workers`."""
        return self._jobs * _AHEAD - sum(len(actor.tasks) for actor in self._actors)

    def give(self, number: int, task: Task) -> None:
        """See :class:`Workers`."""
        idle = any(not actor.tasks for actor in self._actors)
        if not idle and len(self._actors) < self._jobs:
            self._actors.append(self._start())
        actor = min(self._actors, key=lambda actor: len(actor.tasks))
        actor.tasks[actor.handle.decode.remote(task)] = number, task

    def messages(self) -> Iterator[tuple[int, Message]]:
        """See :class:`Workers`."""
        waiting = [reference for actor in self._actors for reference in actor.tasks]
        for reference in self._ray.wait(waiting, num_returns=1)[0]:
            place = next(i for i, actor in enumerate(self._actors) if reference in actor.tasks)
            actor = self._actors[place]
            try:
                told = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                self._actors[place] = self._start()
                self._ray.kill(actor.handle)
                yield from _lost(actor, str(error).partition("\n")[0])
                continue
            number, _ = actor.tasks.pop(reference)
            for message in told:
                yield number, message

    def stop(self) -> None:
        """End the actors, and remove what those at work have left."""
        folders = set()
        for actor in self._actors:
            self._ray.kill(actor.handle)
            for number_and_task in actor.tasks.values():
                folders.add(number_and_task[1].outputs.samples[0].parent)
        if folders:
            self._ray.shutdown()  # waits until they have ended, and their locks with them
        for folder in folders:
            remove_leftovers(folder)


def _lost(actor: _Actor, reason: str) -> Iterator[tuple[int, Message]]:
    told = f"the worker that decoded it was lost ({reason})"
    for index, (number, _) in enumerate(actor.tasks.values()):
        yield number, Lost(told, at_work=index == 0)
