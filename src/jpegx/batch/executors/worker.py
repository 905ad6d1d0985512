"""A process that decodes what it is given, until nothing more comes."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import parent_process
from types import FrameType

from jpegx.batch.executors.dispatch import Done, Message, Ready, Refused, Searched
from jpegx.batch.outcomes import Outcome
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import Busy, Task, Watch
from jpegx.errors import JpegxError
from jpegx.io.allocator import keep_freed_memory, no_garbage
from jpegx.io.failures import one_line
from jpegx.signals import OF_A_TERMINAL

with no_garbage():
    import torch

    from jpegx.batch.encoder import ENCODERS, Encoder
    from jpegx.batch.file_work import Work, is_ready, settle
    from jpegx.sampling import laplace, network  # noqa: F401 (once, not in each fork)
    from jpegx.sampling.sampler import Sampler, open_sampler

_Told = tuple[int, Message | Future[Outcome]]


class _Stop(BaseException):
    """Who gives the tasks asks to stop, or has gone."""


def serve(connection: Connection, settings: DecodeSettings, threads: int) -> None:
    """Take tasks with their numbers from a connection, and tell there what comes of them.

    First told is whether the sampler could be opened.

    The next task is begun while the pictures of the last one are encoded. Ends when None comes, the
    connection is closed or its parent dies.
    """
    keep_freed_memory()
    torch.set_num_threads(threads)
    with suppress(_Stop, EOFError, ConnectionError, BrokenPipeError):
        for heard_by_all in OF_A_TERMINAL:
            signal.signal(heard_by_all, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _stop)
        _end_with_parent()
        sampler = _opened(connection, settings)
        if sampler is None:
            return
        with Encoder(settings, None) as encoder:
            number = 0

            def searching(name: str, units: int) -> None:
                connection.send((number, Searched(units)))

            work = Work(settings, sampler, Watch(None, searching), encoder)
            waiting: deque[_Told] = deque()
            for number, task in _tasks(connection, waiting):
                for step in work.steps(task):
                    waiting.append((number, step))
                    _tell(connection, waiting, ENCODERS)
                    if isinstance(step, Busy):
                        break
                else:
                    waiting.append((number, Done()))


def _opened(connection: Connection, settings: DecodeSettings) -> Sampler | None:
    try:
        sampler = open_sampler(settings.spec)
    except JpegxError as error:
        connection.send((0, Refused(error)))
    except Exception as error:
        connection.send((0, Refused(JpegxError(one_line(error, "jpegx")))))
    else:
        connection.send((0, Ready()))
        return sampler
    return None


def _tasks(connection: Connection, waiting: "deque[_Told]") -> Iterator[tuple[int, Task]]:
    """The tasks; while there is none, what is waiting is told."""
    while True:
        _tell(connection, waiting, 0 if not connection.poll() else ENCODERS)
        message: tuple[int, Task] | None = connection.recv()
        if message is None:
            _tell(connection, waiting, 0)
            return
        yield message


def _tell(connection: Connection, waiting: "deque[_Told]", most: int) -> None:
    """Tell what is complete, and what is not if more than so many are waiting."""
    while waiting and (len(waiting) > most or is_ready(waiting[0][1])):
        number, step = waiting.popleft()
        connection.send((number, settle(step) if isinstance(step, Future) else step))


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise _Stop


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
