"""Decoding in several processes of this machine: ``jpegx decode --jobs``."""

import multiprocessing
import signal
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from typing import Self

from jpegx.batch.executors.dispatch import Dispatcher, Done, Lost, Message, Ready, Refused
from jpegx.batch.outcomes import Outcome
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import NOBODY, Busy, Task, Watch
from jpegx.errors import JpegxError
from jpegx.signals import OF_A_TERMINAL

_SERVE = "jpegx.batch.executors.worker"  # which imports PyTorch: not in this process
_AHEAD = 2  # tasks that a worker has: one at work, one so that it need not wait
_PATIENCE = 10.0  # seconds in which a worker that is asked to stop may leave all in order


class ProcessExecutor:
    """Decodes in so many processes, each with so many threads of PyTorch's."""

    def __init__(
        self, settings: DecodeSettings, jobs: int, threads: int = 1, watch: Watch = NOBODY
    ) -> None:
        self._workers = _Processes(settings, jobs, threads)
        self._watch = watch

    def __enter__(self) -> Self:
        """Start the processes, and wait until one has opened the sampler. Raises JpegxError."""
        try:
            self._workers.open()
        except BaseException:
            self._workers.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """End them; after an error at once, and nothing is left half-written."""
        if kind is None:
            self._workers.finish()
        else:
            self._workers.stop()

    def run(self, tasks: Iterator[Task | Outcome]) -> Generator[Outcome, None, None]:
        """The outcomes of the tasks: see :class:`Executor`."""
        yield from Dispatcher(tasks, self._workers, self._watch).run()


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    numbers: list[int] = field(default_factory=list)


class _Processes:
    """Worker processes. One that dies is replaced."""

    def __init__(self, settings: DecodeSettings, jobs: int, threads: int) -> None:
        self._settings = settings
        self._threads = threads
        self._context = multiprocessing.get_context("forkserver")
        # One process imports PyTorch; those that work are its forks and share its memory.
        self._context.set_forkserver_preload([_SERVE])
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def open(self) -> None:
        """Start them, and wait for the first. Raises JpegxError if it cannot open the sampler."""
        for _ in range(self._jobs):
            self._workers.append(self._start())
        first = wait([worker.connection for worker in self._workers])[0]
        worker = next(worker for worker in self._workers if worker.connection is first)
        try:
            _, message = worker.connection.recv()
        except (EOFError, OSError):
            raise JpegxError(f"a process that is to decode was {_end_of(worker)}") from None
        if isinstance(message, Refused):
            raise message.error

    def _start(self) -> _Worker:
        _start_deaf()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._settings, self._threads), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    @property
    def room(self) -> int:
        """See :class:`Workers`."""
        return self._jobs * _AHEAD - sum(len(worker.numbers) for worker in self._workers)

    def give(self, number: int, task: Task) -> None:
        """See :class:`Workers`."""
        worker = min(self._workers, key=lambda worker: len(worker.numbers))
        worker.numbers.append(number)
        with suppress(OSError):  # that it has died is told with the messages
            worker.connection.send((number, task))

    def messages(self) -> Iterator[tuple[int, Message]]:
        """See :class:`Workers`."""
        ready = set(map(id, wait([worker.connection for worker in self._workers])))
        for place, worker in enumerate(self._workers):
            if id(worker.connection) not in ready:
                continue
            try:
                number, message = worker.connection.recv()
            except (EOFError, OSError):
                self._workers[place] = self._start()
                yield from _lost(worker)
                continue
            if isinstance(message, Refused):
                raise message.error
            if isinstance(message, Done | Busy):
                worker.numbers.remove(number)
            if not isinstance(message, Ready):
                yield number, message

    def finish(self) -> None:
        """Nothing more is to be done: wait until the workers have ended."""
        for worker in self._workers:
            with suppress(OSError):
                worker.connection.send(None)
        self._join()

    def stop(self) -> None:
        """End the workers; they leave nothing half-written."""
        for worker in self._workers:
            worker.process.terminate()
        self._join()

    def _join(self) -> None:
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
            worker.connection.close()


def _serve(connection: Connection, settings: DecodeSettings, threads: int) -> None:
    from jpegx.batch.executors.worker import serve

    serve(connection, settings, threads)


def _end_of(worker: _Worker) -> str:
    worker.process.join(_PATIENCE)
    code = worker.process.exitcode or 0
    how = f"killed by signal {-code}" if code < 0 else f"gone, exit status {code}"
    return f"{how}; it may need more memory than there is"


def _lost(worker: _Worker) -> Iterator[tuple[int, Message]]:
    reason = f"the process that decoded it was {_end_of(worker)}"
    worker.connection.close()
    for index, number in enumerate(worker.numbers):
        yield number, Lost(reason, at_work=index == 0)


def _start_deaf() -> None:
    """Start the process whose forks work, deaf to Ctrl-C and to the end of the terminal.

    It would ignore Ctrl-C by itself, but only after PyTorch is imported. A blocked signal is
    inherited, and delivered here when it is let through again.
    """
    resource_tracker.ensure_running()  # which, when it starts, lets Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_A_TERMINAL)
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
