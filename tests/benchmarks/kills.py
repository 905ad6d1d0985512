"""Kill and resume a run over a folder again and again: is anything lost, is anything left?

    python tests/benchmarks/kills.py [--kills 500] [--files 60] [--seed 0]

A folder of tiny files is decoded (laplace, --skip-existing) by processes that are killed (SIGKILL)
at random moments, now and then two at once. When a folder is complete, one more run goes over it:
each picture must be what an undisturbed run writes, byte for byte, and nothing else may be there.
The processes are forks of this one, which has imported everything.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

from jpegx.batch import jobs  # noqa: F401 (so that no fork imports it)
from jpegx.cli.decode import decode  # noqa: F401
from jpegx.cli.main import main as jpegx


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    killed = rounds = starts = pairs = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "in", options.files)
        reference = finished(folder, folder / "reference")
        while killed < options.kills:
            rounds += 1
            out = folder / f"out{rounds}"
            while killed < options.kills and len(list(out.glob("*.png"))) < options.files:
                count = chance.choice((1, 1, 2))
                starts, pairs = starts + count, pairs + (count == 2)
                killed += kill_some(folder, out, count, chance)
            check(out, finished(folder, out), reference)
            print(
                f"{killed} kills of {starts} processes ({pairs} times two at once), {rounds} "
                f"folders of {options.files} files: nothing lost, nothing left",
                flush=True,
            )


def make_files(folder: Path, count: int) -> None:
    """Files that differ, so that no picture can stand for another."""
    folder.mkdir()
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 256, (9, 17, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.jpg", quality=30 + index % 40)


def in_a_fork(work: Callable[[], None]) -> int:
    """Begin some work in a process of its own; its number."""
    number = os.fork()
    if number == 0:
        try:
            work()
        except SystemExit as end:
            os._exit(int(end.code or 0))
        os._exit(9)
    return number


def start(folder: Path, out: Path) -> int:
    """Begin one run over the folder; its messages go into a file. The number of the process."""

    def run() -> None:
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        words = ["decode", "--model", "laplace", str(folder / "in"), "--skip-existing", "--quiet"]
        jpegx([*words, "-o", str(out)], prog_name="jpegx")

    return in_a_fork(run)


def kill_some(folder: Path, out: Path, count: int, chance: random.Random) -> int:
    """Start processes and kill them soon after they have made a picture; how many were killed."""
    before = len(list(out.glob("*.png")))
    running = {start(folder, out) for _ in range(count)}
    killed = 0
    wanted = before + chance.randrange(1, 4)
    while running and len(list(out.glob("*.png"))) < wanted:
        time.sleep(0.005)
        running -= {number for number in running if os.waitpid(number, os.WNOHANG)[0]}
    time.sleep(chance.random() ** 2 * 0.02)
    for number in running:
        os.kill(number, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == -signal.SIGKILL
    return killed


def finished(folder: Path, out: Path) -> dict[str, bytes]:
    """Finish a folder without being disturbed; its files by their names."""
    code = os.waitstatus_to_exitcode(os.waitpid(start(folder, out), 0)[1])
    said = (folder / "log").read_text()
    if (code, said) != (0, ""):
        sys.exit(f"exit code {code}, messages: {said}")
    return {path.name: path.read_bytes() for path in out.iterdir()}


def check(out: Path, found: dict[str, bytes], reference: dict[str, bytes]) -> None:
    """Stop unless the files are those of an undisturbed run."""
    if found != reference:
        wrong = sorted(name for name in found if found[name] != reference.get(name))
        missing = sorted(set(reference) - set(found))
        sys.exit(f"{out.name}: lost {missing}, wrong or left over {wrong}")


if __name__ == "__main__":
    main()
