"""Time and memory of the generators, as ratios in one run: python tests/benchmarks/generators.py.

Each case runs in a process of its own: a file is read and samples are made, without projection or
PNG. Times are in seconds a megapixel, of the clock and of all cores together; memory is the most
that the process ever took, PyTorch included. On a busy machine, use the cores' time with
--threads 1: several threads burn time while they wait for each other. ONEDNN_MAX_CPU_ISA=AVX2 (or
AVX2_VNNI, AVX512_CORE, AVX512_CORE_VNNI) and ATEN_CPU_CAPABILITY=avx2 in the environment stand for
older processors.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

FAMILY = "family/"
SIZES = {"0.4": (768, 512), "12": (4000, 3000), "33": (7016, 4704)}


@dataclass(frozen=True)
class Case:
    """What is measured."""

    network: str
    megapixels: str
    samples: int
    precision: str
    threads: int


@dataclass(frozen=True)
class Result:
    """Seconds a megapixel for the first sample and for each further one; MiB at the peak."""

    first: float
    first_cores: float
    further: float
    further_cores: float
    peak: float


def measure(case: Case, path: Path) -> Result:
    """Run a case in this process."""
    import torch

    from jpegx.io.allocator import keep_freed_memory
    from jpegx.jpeg.file import read_jpeg
    from jpegx.models.checkpoint import open_model
    from jpegx.models.registry import generators
    from jpegx.sampling.generate import generate
    from jpegx.sampling.hardware import in_fastest, prepare
    from jpegx.sampling.spec import SamplerSpec

    keep_freed_memory()  # as the program does
    spec = SamplerSpec.parse(case.network, precision=case.precision)
    if case.threads:
        torch.set_num_threads(case.threads)
    torch.manual_seed(0)
    family = case.network.removeprefix(FAMILY)
    is_family = family != case.network
    network = generators.create(family) if is_family else open_model(case.network)[1]
    generator = in_fastest(prepare(network, torch.device("cpu"), spec.precision), spec)
    jpeg = read_jpeg(path)
    size = jpeg.layout.width * jpeg.layout.height / 1e6
    if size < 1:  # the first run of a shape compiles its convolutions
        list(generate(generator, jpeg, samples=1, seed=0))

    def run(samples: int) -> tuple[float, float]:
        clock, cores = time.perf_counter(), time.process_time()
        for _ in generate(generator, jpeg, samples=samples, seed=0):
            pass
        return (time.perf_counter() - clock) / size, (time.process_time() - cores) / size

    first = run(1)
    further = (0.0, 0.0)
    if case.samples > 1:
        both = run(case.samples)
        further = (
            (both[0] - first[0]) / (case.samples - 1),
            (both[1] - first[1]) / (case.samples - 1),
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(*first, *further, peak)


def write_jpeg(path: Path, width: int, height: int) -> None:
    """A picture of noise at several scales, 4:2:0."""
    random = np.random.default_rng(0)
    image = Image.new("RGB", (width, height))
    for scale in (64, 8):
        small = random.integers(0, 256, (height // scale + 1, width // scale + 1, 3), np.uint8)
        layer = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        image = Image.blend(image, layer, 0.5)
    image.save(path, quality=30)


def main() -> None:
    """Run the cases one after the other and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = f"weights by name or file, or {FAMILY}NAME, a family with random weights"
    names = [f"{FAMILY}unet", f"{FAMILY}rrdb", "general"]
    parser.add_argument("--networks", nargs="+", default=names, help=what)
    parser.add_argument("--megapixels", nargs="+", default=["0.4", "12"], choices=list(SIZES))
    parser.add_argument("--samples", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=0, help="0: as many as PyTorch chooses")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(asdict(measure(Case(**json.loads(options.case)), options.file))))
        return
    print(f"{'network':<14}{'MP':>5}{'n':>3}  {'type':<10}{'first':>8}{'(cores)':>9}", end="")
    print(f"{'further':>9}{'(cores)':>9}{'MiB':>7}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in options.megapixels:
            path = Path(folder) / f"{megapixels}.jpg"
            write_jpeg(path, *SIZES[megapixels])
            for samples in options.samples:
                least = 0.0
                for network in options.networks:
                    for precision in reversed(options.precisions):
                        case = Case(network, megapixels, samples, precision, options.threads)
                        result = _in_a_process(case, path)
                        least = least or result.first_cores
                        _print(case, result, result.first_cores / least)


def _in_a_process(case: Case, path: Path) -> Result:
    command = [sys.executable, __file__, "--case", json.dumps(asdict(case)), "--file", str(path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Result(**json.loads(output))


def _print(case: Case, result: Result, ratio: float) -> None:
    print(
        f"{case.network[-13:]:<14}{case.megapixels:>5}{case.samples:>3}  {case.precision:<10}",
        end="",
    )
    print(f"{result.first:8.2f}{result.first_cores:9.2f}", end="")
    print(f"{result.further:9.2f}{result.further_cores:9.2f}{result.peak:7.0f}{ratio:8.1f}")


if __name__ == "__main__":
    main()
