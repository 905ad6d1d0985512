"""The command in a process of its own that need not import torch again."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from jpegx.cli.main import main


class Forked:
    """jpegx in a fork of this process, which has imported what is slow to import.

    ``arguments``: of the command line. ``messages``: a file for what it says. ``stdin``,
    ``stdout``, ``stderr``: descriptors for its streams; without them nothing is read, and what is
    written goes to ``messages``. ``environment``: changes of it.

    It has one thread (the fixture ``one_thread``), since a fork has no others. What Python does as
    a process begins and ends is left out: it flushes its streams and is gone.
    """

    def __init__(
        self,
        arguments: Sequence[object],
        messages: Path,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.messages = messages
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            words = [str(argument) for argument in arguments]
            self._run(words, (stdin, stdout, stderr), environment or {})

    def _run(
        self, arguments: list[str], given: Sequence[int | None], environment: Mapping[str, str]
    ) -> NoReturn:
        code = 70  # of what goes wrong here
        try:
            os.setsid()  # so that a signal can go to it and its own processes alone
            os.environ.update(environment)
            nothing = os.open(os.devnull, os.O_RDONLY)
            said = os.open(self.messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            for number, (ours, otherwise) in enumerate(
                zip(given, (nothing, said, said), strict=True)
            ):
                os.dup2(otherwise if ours is None else ours, number)
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            sys.stdout, sys.stderr = (open(fd, "w", closefd=False) for fd in (1, 2))  # noqa: SIM115
            main(arguments, prog_name="jpegx")
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code if _flushed() else 120)  # as Python does

    def runs(self) -> bool:
        """Whether it has not ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is None

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; it must come true before the process ends."""
        while not condition():
            assert self.runs(), self.messages.read_text()
            time.sleep(0.01)

    def end(self, number: signal.Signals | None = None, *, group: bool = False) -> str:
        """Send a signal, if any, to it or to its group; wait for its end; what it said."""
        if number is not None:
            (os.killpg if group else os.kill)(self.pid, number)
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.messages.read_text()


def _flushed() -> bool:
    """Whether what is left to write could be written; if not, that is told."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        return False
    return True
