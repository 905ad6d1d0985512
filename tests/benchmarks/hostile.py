"""Hostile files through decode, info and verify: what they cost, and what comes of it.

    python tests/benchmarks/hostile.py FOLDER [FOLDER ...] [--minutes 10] [--seed 0] [--limit 60]

Every file of the folders, in random order until the time is up, goes through each command in a
process of its own (a fork of this one, which has imported everything) that may use so many CPU
seconds (``--limit``). Told are the longest CPU time and the largest memory of each command, exit
codes (below 0: a crash, by the number of its signal, or a command that was stopped at the limit),
tracebacks and internal errors, files that are left; and the files that took longest.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"

from PIL import Image

from jpegx.batch import jobs  # noqa: F401 (so that no fork imports it)
from jpegx.cli import decode, info, verify  # noqa: F401
from jpegx.cli.main import main as jpegx
from jpegx.consistency import compare  # noqa: F401
from jpegx.jpeg import describe  # noqa: F401


class Outcome(NamedTuple):
    """What came of one command: its exit code, CPU seconds, MiB at the peak, and messages."""

    code: int
    seconds: float
    memory: int
    messages: str


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    files = [p for folder in options.folders for p in sorted(folder.rglob("*")) if p.is_file()]
    random.Random(options.seed).shuffle(files)
    end = time.monotonic() + 60 * options.minutes
    outcomes: dict[str, list[tuple[Outcome, Path]]] = {"decode": [], "info": [], "verify": []}
    left: list[str] = []
    done = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.new("RGB", (8, 8)).save(folder / "other.png")
        for path in files:
            if time.monotonic() > end:
                break
            done += 1
            print(f"\r{done} of {len(files)}", end="", file=sys.stderr)
            out = folder / "out"
            words = ["decode", "--model", "laplace", str(path), "--quiet", "-o", str(out)]
            outcomes["decode"].append((run(words, folder, options.limit), path))
            pictures = list(out.iterdir()) if out.exists() else []
            left += [f"{p.name} of {path}" for p in pictures if p.suffix != ".png"]
            outcomes["info"].append((run(["info", str(path)], folder, options.limit), path))
            picture = next((p for p in pictures if p.suffix == ".png"), folder / "other.png")
            words = ["verify", str(path), str(picture)]
            outcomes["verify"].append((run(words, folder, options.limit), path))
            for picture in pictures:
                picture.unlink()
    print(f"{done} of {len(files)} files; left over: {len(left)} {left[:3]}")
    for command, found in outcomes.items():
        tell(command, found)


def run(words: list[str], folder: Path, limit: int) -> Outcome:
    """Run one command in a fork, its output into files, for so many CPU seconds."""
    log = folder / "log"
    number = os.fork()
    if number == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        try:
            jpegx(words, prog_name="jpegx")
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        os._exit(99)
    _, status, usage = os.wait4(number, 0)
    seconds = usage.ru_utime + usage.ru_stime
    code = os.waitstatus_to_exitcode(status)
    return Outcome(code, seconds, usage.ru_maxrss >> 10, log.read_text(errors="replace"))


def tell(command: str, found: list[tuple[Outcome, Path]]) -> None:
    """Print what came of one command."""
    codes = Counter(outcome.code for outcome, _ in found)
    memory = max((outcome.memory for outcome, _ in found), default=0)
    print(f"{command}: exit codes {dict(sorted(codes.items()))}, {memory} MiB at the peak")
    for word in ("Traceback", "internal error"):
        bad = [path.name for outcome, path in found if word in outcome.messages]
        print(f"  {word}: {len(bad)} {bad[:5]}")
    crashed = [f"{path.name} ({outcome.code})" for outcome, path in found if outcome.code < 0]
    print(f"  crashed or stopped: {len(crashed)} {crashed[:5]}")
    for outcome, path in sorted(found, key=lambda pair: -pair[0].seconds)[:5]:
        print(f"  {outcome.seconds:6.1f} s  {path} ({path.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
