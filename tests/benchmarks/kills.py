"""Kill and resume a run over a folder again and again: is anything lost, is anything left?

    python tests/benchmarks/kills.py [--kills 500] [--files 60] [--seed 0] [--executor ray]

A folder of tiny files is decoded (laplace, --skip-existing) by processes that are killed (SIGKILL)
at random moments, now and then two at once. When a folder is complete, one more run goes over it:
each picture must be what an undisturbed run writes, byte for byte, and nothing else may be there.
The processes are forks of this one, which has imported everything.

With ``--executor ray`` the runs are on a Ray cluster of this machine with two workers, and go on by
their manifest; killed are workers and drivers, about as often.
"""

import argparse
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

from jpegx.batch import jobs  # noqa: F401 (so that no fork imports it)
from jpegx.cli.decode import decode  # noqa: F401
from jpegx.cli.main import main as jpegx

sys.path.insert(0, str(Path(__file__).parents[1]))
from processes import named


@dataclass
class Cluster:
    """The Ray cluster of a run: its address, and the process that everything in it comes from."""

    address: str = ""
    head: int = 0


cluster = Cluster()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    options = parser.parse_args()
    if options.executor == "ray":
        return on_a_cluster(options.kills, options.files, random.Random(options.seed))
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


def on_a_cluster(kills: int, files: int, chance: random.Random) -> None:
    """The same on a Ray cluster, which outlives the drivers."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    import_module("ray")  # so that no fork imports it
    ray = str(Path(sys.executable).with_name("ray"))
    done = {"driver": 0, "worker": 0}
    rounds = twice = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "in", files)
        reference = finished(folder, folder / "reference")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cluster.address = f"127.0.0.1:{free.getsockname()[1]}"
        words = ["start", "--head", "--block", "--num-cpus", "2", "--include-dashboard", "false"]
        words += ["--port", cluster.address.partition(":")[2], "--temp-dir", f"{name}/ray"]
        head = subprocess.Popen([ray, *words], stdout=subprocess.DEVNULL)
        cluster.head = head.pid
        while not named(head.pid, b"raylet/raylet"):
            time.sleep(0.2)
        try:
            while sum(done.values()) < kills:
                rounds += 1
                out, manifest = folder / f"out{rounds}", folder / f"{rounds}.jsonl"
                while sum(done.values()) < kills and pictures(out) < files:
                    disturb(folder, out, manifest, done, kills, chance)
                check(out, finished(folder, out, manifest), reference)
                told = map(json.loads, manifest.read_text().splitlines())
                inputs = [line["input"] for line in told if line.get("status") == "done"]
                if len(set(inputs)) != files:
                    sys.exit(f"{manifest.name}: {len(set(inputs))} of {files} files")
                twice += len(inputs) - files
                print(
                    f"{done['driver']} kills of drivers, {done['worker']} of workers, {rounds} "
                    f"folders of {files} files: all there, byte for byte; {twice} told twice",
                    flush=True,
                )
        finally:
            head.terminate()
            head.wait()


def disturb(
    folder: Path,
    out: Path,
    manifest: Path,
    done: dict[str, int],
    kills: int,
    chance: random.Random,
) -> None:
    """One driver, of which workers are killed until it is killed itself or has ended."""
    driver = start(folder, out, manifest, "disturbed")
    while True:
        wanted = pictures(out) + chance.randrange(1, 6)
        while pictures(out) < wanted:
            if os.waitpid(driver, os.WNOHANG)[0]:
                if not pictures(out):
                    sys.exit((folder / "disturbed").read_text())
                return
            time.sleep(0.01)
        if sum(done.values()) < kills and chance.random() < 0.5:
            workers = named(cluster.head, b"ray::_Decoder")
            if workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                done["worker"] += 1
            continue
        if sum(done.values()) < kills:
            os.kill(driver, signal.SIGKILL)
            done["driver"] += 1
        os.waitpid(driver, 0)
        return


def pictures(out: Path) -> int:
    """How many there are."""
    return len(list(out.glob("*.png")))


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


def start(folder: Path, out: Path, manifest: Path | None = None, log: str = "log") -> int:
    """Begin one run over the folder; its messages go into a file. The number of the process.

    ``manifest``: of a run on the cluster.
    """

    def run() -> None:
        os.dup2(os.open(folder / log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        words = ["decode", "--model", "laplace", str(folder / "in"), "--quiet", "-o", str(out)]
        if manifest is None:
            words += ["--skip-existing"]
        else:
            words += ["--executor", "ray", "--address", cluster.address, "--jobs", "2"]
            words += ["--manifest", str(manifest)]
        jpegx(words, prog_name="jpegx")

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


def finished(folder: Path, out: Path, manifest: Path | None = None) -> dict[str, bytes]:
    """Finish a folder without being disturbed; its files by their names."""
    code = os.waitstatus_to_exitcode(os.waitpid(start(folder, out, manifest), 0)[1])
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
