"""What the tests of training share: small images, a small recipe, a run of the command."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from jpegx.cli.main import main
from jpegx.training.data.patches import Group, ijg_tables

RECIPE = """
[data]
patch = 32
batch = 8
groups = 4
sampling = {"4:2:0" = 1, "4:4:4" = 1, gray = 1}
workers = 0
[generator]
family = "unet"
config = {widths = [8, 8], encoder = [1, 1], decoder = [1, 1], embedding = 8}
[adversarial.critic]
family = "light"
config = {widths = [8, 8]}
[training]
precision = "float32"
stand_in = true
[regression]
steps = 6
learning_rate = 1e-3
[adversarial]
steps = 6
learning_rate = 1e-3
[adversarial.losses]
r1_every = 2
first_moment = 1
second_moment = 100
feature_matching = 1e-2
[adversarial.moments]
every = 2
images = 2
samples = 3
[validation]
images = 2
crop = 40
qualities = [10]
samples = 2
[run]
log_every = 1
save_every = 2
validate_every = 6
strips_every = 6
"""


def groups(count: int) -> list[Group]:
    """Groups of two noisy patches each (48x48), of different samplings."""
    random = torch.Generator().manual_seed(1)
    size = (count, 2, 3, 48, 48)
    patches = torch.randint(0, 256, size, dtype=torch.uint8, generator=random)
    samplings = ("4:2:0", "gray") * count
    return [Group(p, ijg_tables((10, 60)), s) for p, s in zip(patches, samplings, strict=False)]


def gradients(network: nn.Module) -> Tensor:
    """Those of all its parameters, one after the other."""
    found = [p.grad for p in network.parameters()]
    return torch.cat([grad.flatten() for grad in found if grad is not None])


def write_images(folder: Path, count: int = 6, size: tuple[int, int] = (48, 40)) -> Path:
    """Smooth random images in a folder, which is made and returned."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for index in range(count):
        small = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        small.resize(size, Image.Resampling.BICUBIC).save(folder / f"image{index}.png")
    return folder


def write_recipe(folder: Path, text: str = RECIPE) -> Path:
    """A recipe file in a folder."""
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Forked:
    """jpegx in a process of its own, which need not import torch again: a fork of this one.

    ``arguments``: of the command line. ``environment``: changes of it. ``messages``: a file for
    what it says.
    """

    def __init__(self, arguments: Sequence[object], messages: Path, **environment: str) -> None:
        self.messages = messages
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._run([str(argument) for argument in arguments], environment)

    def _run(self, arguments: list[str], environment: dict[str, str]) -> NoReturn:
        code = 70  # of what goes wrong here
        try:
            os.setsid()  # so that a signal can go to it and its own processes alone
            os.environ.update(environment)
            out = os.open(self.messages, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            for stream in (1, 2):
                os.dup2(out, stream)
            sys.stdout, sys.stderr = (open(fd, "w", closefd=False) for fd in (1, 2))  # noqa: SIM115
            main(arguments, prog_name="jpegx")
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def runs(self) -> bool:
        """Whether it has not ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is None

    def wait_until(self, condition: Callable[[], bool]) -> None:
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


def stop_after(arguments: Sequence[object], run: Path, steps: int, stop: signal.Signals) -> None:
    """Train until the log of a run has more lines than that of some steps, then send a signal."""
    log = run / "log.jsonl"
    process = Forked(arguments, run.parent / "messages.txt")
    process.wait_until(lambda: log.exists() and log.read_text().count('"stage"') > steps)
    process.end(stop)
