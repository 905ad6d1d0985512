"""Signals that stop the program wait until the step that goes on is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """Whether the program was asked to stop while :meth:`held`.

    ``asked``: the signal that it was sent, or None.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._handlers = {number: signal.getsignal(number) for number in _STOP}

    @contextmanager
    def held(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP wait for :meth:`obey`, those that the program handles.

        Who sends a second one does not wait. Outside the main thread nothing is held.
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
            handler = self._handlers[signal.Signals(self.asked)]
            assert callable(handler)
            handler(self.asked, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.obey()
        self.asked = number
