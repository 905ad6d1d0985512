"""Signals that stop the program wait until the step that goes on is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType

from jpegx.signals import IMPATIENT, STOP_SIGNALS


class Stopping:
    """Whether the program was asked to stop while :meth:`held`.

    ``asked``: the signal that it was sent, or None.
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self._since = 0.0
        self._handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    @contextmanager
    def held(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP wait for :meth:`obey`, those that the program handles.

        Only another Ctrl-C, a second later or more, does not wait: shells, terminals and
        supervisors send one wish several times. Outside the main thread nothing is held.
        """
        held = [number for number, handler in self._handlers.items() if callable(handler)]
        if current_thread() is not main_thread():
            held = []
        for number in held:
            signal.signal(number, self._note)
        try:
            yield
        finally:
            for number in held:
                signal.signal(number, self._handlers[number])

    def obey(self) -> None:
        """Do what the program does on the signal that it was sent, if any."""
        if self.asked is not None:
            handler = self._handlers[self.asked]
            assert callable(handler)
            handler(self.asked, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked is None:
            self.asked, self._since = signal.Signals(number), monotonic()
        elif number == signal.SIGINT and monotonic() - self._since >= IMPATIENT:
            self.obey()
