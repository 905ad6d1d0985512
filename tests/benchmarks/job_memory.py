"""What a job of ``jpegx decode --jobs`` takes of memory: python tests/benchmarks/job_memory.py

One file is decoded by a fork of this process, which has imported everything, as the jobs are forks
of one process: counted is what is the fork's own (MiB, the most that was seen every 30 ms), beside
all that it shows (RSS).

    python tests/benchmarks/job_memory.py [--models laplace,general] [--megapixels 0.2,2,12]
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import jpegx.sampling.network  # noqa: F401 (so that no fork imports it)
from jpegx.batch.executors import worker  # noqa: F401
from jpegx.cli.main import main as run

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.generators import write_jpeg


def seen() -> tuple[int, int]:
    """MiB of this process that are its own, and all that it shows."""
    with Path("/proc/self/smaps_rollup").open() as lines:
        kib = {words[0]: int(words[1]) for words in map(str.split, lines) if words[-1] == "kB"}
    return (kib["Private_Dirty:"] + kib["Private_Clean:"]) // 1024, kib["Rss:"] // 1024


def decode(path: Path, model: str) -> None:
    """Decode a file once and print a line."""
    most = [0, 0]

    def watch() -> None:
        while True:
            most[:] = map(max, most, seen())
            time.sleep(0.03)

    threading.Thread(target=watch, daemon=True).start()
    words = [str(path), "--model", model, "--jobs", "1", "--quiet", "-o", f"{path}.{model}.png"]
    try:
        run(["decode", *words], prog_name="jpegx")
    except SystemExit as end:
        row = {"model": model, "file": path.stem, "own": most[0], "all": most[1]}
        print(json.dumps({**row, "exit": end.code}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="laplace,regression,general")
    parser.add_argument("--megapixels", default="0.2,2,12")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size in options.megapixels.split(","):
            path = Path(folder) / f"{size}.jpg"
            height = round((float(size) * 1e6 * 3 / 4) ** 0.5)
            write_jpeg(path, height * 4 // 3, height)
            for model in options.models.split(","):
                number = os.fork()
                if number == 0:
                    decode(path, model)
                    os._exit(0)
                os.waitpid(number, 0)


if __name__ == "__main__":
    main()
