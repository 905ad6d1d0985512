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

from jpegx.batch.executors.dispatch import Dispatcher, Done, Lost, Message
from jpegx.batch.executors.worker import serve
from jpegx.batch.outcomes import Outcome
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import NOBODY, Busy, Task, Watch
from jpegx.signals import OF_A_TERMINAL

_AHEAD = 2  # tasks that a worker has: one at work, one so that it need not wait
_PATIENCE = 10.0  # seconds in which a worker that is asked to stop may leave all in order


class ProcessExecutor:
    """Decodes in so many processes, each with so many threads of PyTorch's."""

    def __init__(self, jobs: int, threads: int = 1, watch: Watch = NOBODY) -> None:
        self._jobs = jobs
        self._watch = watch
        self._threads = threads

    def run(
        self, tasks: Iterator[Task | Outcome], settings: DecodeSettings
    ) -> Generator[Outcome, None, None]:
        """The outcomes of the tasks: see :class:`Executor`."""
        workers = _Processes(settings, self._jobs, self._threads)
        try:
            yield from Dispatcher(tasks, workers, self._watch).run()
        except BaseException:
            workers.stop()
            raise
        workers.finish()


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    numbers: list[int] = field(default_factory=list)


class _Processes:
    """Worker processes, started when there is something to do. One that dies is replaced."""

    def __init__(self, settings: DecodeSettings, jobs: int, threads: int) -> None:
        self._settings = settings
        self._threads = threads
        self._context = multiprocessing.get_context("forkserver")
        # One process imports PyTorch; those that work are its forks and share its memory.
        self._context.set_forkserver_preload([serve.__module__])
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def _start(self) -> _Worker:
        _start_deaf()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=serve, args=(theirs, self._settings, self._threads), daemon=True
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
        idle = any(not worker.numbers for worker in self._workers)
        if not idle and len(self._workers) < self._jobs:
            self._workers.append(self._start())
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
            if isinstance(message, Done | Busy):
                worker.numbers.remove(number)
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


def _lost(worker: _Worker) -> Iterator[tuple[int, Message]]:
    worker.process.join(_PATIENCE)
    worker.connection.close()
    code = worker.process.exitcode or 0
    how = f"killed by signal {-code}" if code < 0 else f"gone, exit status {code}"
    reason = f"the process that decoded it was {how}; it may need more memory than there is"
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
