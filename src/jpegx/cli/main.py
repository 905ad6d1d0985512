"""The command jpegx: its subcommands, and every failure as one line and an exit code."""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO, TextIOWrapper
from time import monotonic
from types import FrameType
from typing import Any

import click

from jpegx import __version__
from jpegx.cli.console import Console, drop_output
from jpegx.cli.lazy_group import LazyGroup
from jpegx.io.allocator import keep_freed_memory
from jpegx.io.failures import one_line
from jpegx.signals import IMPATIENT, STOP_SIGNALS

COMMANDS = {
    name: f"jpegx.cli.{name}:{name}"
    for name in ("decode", "verify", "project", "explore", "info", "models", "train", "eval")
}


class StopSignal(BaseException):
    """The user or the system asked the program to stop, with the signal ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Jpegx(LazyGroup):
    """The command: opens its streams, and makes every failure one line and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (what click does)
        """Parse the command line and run the command."""
        _open_streams()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of --help or --version, which come before any command
            Console().say(one_line(error, "jpegx"))
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (what click returns)
        """Run the command; whatever stops it becomes one line on standard error."""
        console = ctx.obj = Console()
        with _stop_signals(), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # Python's are for programmers
            try:
                return super().invoke(ctx)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except StopSignal as stop:
                console.say(f"jpegx: interrupted{console.goes_on}")
                ctx.exit(128 + stop.number)
            except BrokenPipeError:
                drop_output()  # whatever is still buffered has no reader either
                console.say("jpegx: the program that read the output has gone")
                ctx.exit(128 + signal.SIGPIPE)
            except Exception as error:
                if isinstance(error, OSError):
                    drop_output()  # as it may be what failed
                console.say(one_line(error, "jpegx"))
                ctx.exit(1)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Turn Ctrl-C, a polite kill or a closed terminal into StopSignal; blocks are left in order.

    One wish may be several signals: what the program does to end is not broken off by another one
    within a second, and its last moments by none.
    """
    stopped: float | None = None
    over = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if over or (stopped is not None and monotonic() - stopped < IMPATIENT):
            return
        stopped = monotonic()
        raise StopSignal(number)

    before = {
        number: signal.signal(number, stop)
        for number in STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup and background jobs set it
    }
    try:
        yield
    finally:
        over = stopped is not None
        if not over:
            for number, handler in before.items():
                signal.signal(number, handler)


def _open_streams() -> None:
    """Put something in the place of standard streams that are closed.

    Else the next file that is opened would be one of them. Nothing is to be read there, messages
    go nowhere, and results, which would be lost, fail.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest number that is free
            if number == 0:
                sys.stdin = os.fdopen(number)
            elif number == 1:  # without a buffer, which would fail once more at the end
                sys.stdout = TextIOWrapper(FileIO(number, "wb"), write_through=True)
            else:
                sys.stderr = os.fdopen(number, "w")


_EXAMPLES = """\b
Examples:
  jpegx decode photo.jpg -n 4 --std-map
  jpegx train --help
"""


@click.group(
    cls=Jpegx,
    lazy=COMMANDS,
    epilog=_EXAMPLES,
    short_help="Decode JPEG files into images that they could have come from.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Decode JPEG files into images that they could have come from.

    A JPEG file does not hold one picture: for every coefficient it holds a step and an integer, a
    range in which the true value lay. jpegx samples pictures from those ranges. They are sharp,
    they differ from each other, and each one, encoded again, gives the coefficients of the file.
    """
    keep_freed_memory()
    if context.invoked_subcommand != "train":
        # PyTorch's threads are to sleep while they wait for each other. By default they spin: two
        # of them take their cores' whole time, and where they share one, 30 times that of one.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
