"""Photos a second over a folder, by how the cores are used.

    python tests/benchmarks/throughput.py PICTURES [--photos 60] [--ways threads jobs ray]

From a folder of pictures, in turn, so many photos of 0.2 megapixels are cut and written as JPEG
files of quality 20 to 90, 4:2:0. A run decodes them all, with the start of the program: one process
with a thread for each core (threads), a process of one thread for each core (jobs), or as many
workers of a Ray cluster of its own (ray). Memory is the most that one of its processes took. All
pictures of a model must be the same, however they were made. It needs all cores to itself.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from jpegx.io.inputs import find_pictures
from jpegx.io.picture_reader import read_rgb

SIZE = (512, 400)
CORES = len(os.sched_getaffinity(0))
WAYS = {
    "threads": ["--jobs", "1"],
    "jobs": ["--jobs", str(CORES)],
    "ray": ["--executor", "ray", "--jobs", str(CORES)],
}


def write_photos(pictures: Path, folder: Path, count: int) -> None:
    """Cut photos of the size out of pictures, each at places of its own."""
    random = np.random.default_rng(0)
    sources = [image for path in find_pictures(pictures) if (image := _large(path)) is not None]
    if not sources:
        sys.exit(f"{pictures}: no picture of {SIZE[0]}x{SIZE[1]} or more")
    for index in range(count):
        pixels = sources[index % len(sources)]
        top = int(random.integers(pixels.shape[0] - SIZE[1] + 1))
        left = int(random.integers(pixels.shape[1] - SIZE[0] + 1))
        photo = pixels[top : top + SIZE[1], left : left + SIZE[0]]
        quality = int(random.integers(20, 91))
        Image.fromarray(photo).save(folder / f"{index:04}.jpg", quality=quality)


def _large(path: Path) -> np.ndarray | None:
    pixels = read_rgb(path)
    pixels = pixels if pixels.shape[1] >= pixels.shape[0] else np.rot90(pixels)
    return pixels if pixels.shape[1] >= SIZE[0] and pixels.shape[0] >= SIZE[1] else None


def decode(folder: Path, out: Path, model: str, way: str) -> tuple[float, float]:
    """Seconds that a run takes, and MiB at the peak of the largest process so far."""
    words = ["decode", str(folder), "-o", str(out), "--model", model, *WAYS[way]]
    code = f"from jpegx.cli.main import main; main({words!r})"
    environment = {key: v for key, v in os.environ.items() if key != "OMP_NUM_THREADS"}
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    if run.returncode:
        sys.exit(run.stderr)
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def digest(folder: Path) -> str:
    """A digest of all pictures of a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.png")):
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--models", nargs="+", default=["laplace", "regression", "general"])
    parser.add_argument("--ways", nargs="+", default=["threads", "jobs"], choices=list(WAYS))
    options = parser.parse_args()
    print(f"{CORES} cores, {options.photos} photos of {SIZE[0]}x{SIZE[1]}")
    print(f"{'model':<12}{'way':<9}{'seconds':>9}{'photos/s':>10}{'MiB':>7}{'times':>7}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        write_photos(options.pictures, folder, options.photos)
        for model in options.models:
            first, made = 0.0, set()
            for way in options.ways:
                out = Path(name) / f"{model}-{way}"
                seconds, memory = decode(folder, out, model, way)
                first = first or seconds
                made.add(digest(out))
                speed = options.photos / seconds
                print(
                    f"{model:<12}{way:<9}{seconds:9.1f}{speed:10.2f}{memory:7.0f}"
                    f"{first / seconds:7.2f}",
                    flush=True,
                )
            if len(made) > 1:
                sys.exit(f"{model}: the pictures differ")


if __name__ == "__main__":
    main()
