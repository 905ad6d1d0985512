"""Signals wait for the end of a step."""

import signal
from collections.abc import Callable, Iterator
from threading import Thread
from types import FrameType

import pytest

from jpegx.training import stopping
from jpegx.training.stopping import Stopping

Handler = Callable[[int, FrameType | None], None] | signal.Handlers


class Stopped(Exception):
    """What the program of these tests does on a signal."""


@pytest.fixture(autouse=True)
def program() -> Iterator[None]:
    """A program that handles Ctrl-C and SIGTERM and ignores SIGHUP, as under nohup."""

    def stop(number: int, frame: object) -> None:
        raise Stopped(number)

    wanted: dict[signal.Signals, Handler] = {
        signal.SIGINT: stop,
        signal.SIGTERM: stop,
        signal.SIGHUP: signal.SIG_IGN,
    }
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits(number: signal.Signals) -> None:
    waiting = Stopping()
    with waiting.held():
        waiting.obey()
        signal.raise_signal(number)
        assert waiting.asked == number
        with pytest.raises(Stopped, match=str(int(number))):
            waiting.obey()
    with pytest.raises(Stopped):  # and no longer
        signal.raise_signal(number)


def test_one_wish_may_come_as_several_signals() -> None:
    waiting = Stopping()
    with waiting.held():
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            signal.raise_signal(number)
    assert waiting.asked == signal.SIGTERM


def test_who_is_impatient_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 10.4, 11.1, 11.2])
    monkeypatch.setattr(stopping, "monotonic", lambda: next(now))
    waiting = Stopping()
    with waiting.held():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)


def test_what_the_program_ignores_stays_ignored() -> None:
    waiting = Stopping()
    with waiting.held():
        signal.raise_signal(signal.SIGHUP)
    assert waiting.asked is None


def test_beside_the_main_thread_nothing_is_held() -> None:
    handlers = []

    def work() -> None:
        with Stopping().held():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
