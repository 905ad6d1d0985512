"""CPU time that a photo of 0.2 megapixels takes in one thread, by what is done with it.

    python tests/benchmarks/photo_cost.py PICTURES [--photos 8] [--models laplace general]

Photos as of throughput.py. Milliseconds a photo, the least of three runs over all of them: reading,
sampling, exact pixels, PNG. Not wall time: the machine may have other things to do.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from threading import Event

import torch

from jpegx.io.allocator import keep_freed_memory
from jpegx.io.png import encode_png
from jpegx.jpeg.file import read_jpeg
from jpegx.sampling.finishing import Finisher
from jpegx.sampling.sampler import Sampler, open_sampler
from jpegx.sampling.spec import SamplerSpec

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.throughput import write_photos

STAGES = ("read", "sample", "exact", "PNG")


def one_run(photos: Sequence[Path], sampler: Sampler) -> list[float]:
    """Milliseconds a photo of each stage."""
    spent = [0.0] * len(STAGES)
    for path in photos:
        times = [time.thread_time()]
        jpeg = read_jpeg(path)
        times.append(time.thread_time())
        image = next(sampler.sample(jpeg, 1, 0))
        times.append(time.thread_time())
        _, picture = Finisher(jpeg, True, "8-bit", sampler.device).finish(image, "sample", 0)
        times.append(time.thread_time())
        encode_png(BytesIO(), picture.pixels, (), compress_level=1, stop=Event())
        times.append(time.thread_time())
        for stage in range(len(STAGES)):
            spent[stage] += (times[stage + 1] - times[stage]) * 1000 / len(photos)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--models", nargs="+", default=["laplace", "regression", "general"])
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    print(f"{'model':<12}" + "".join(f"{stage:>9}" for stage in (*STAGES, "all")))
    with tempfile.TemporaryDirectory() as name:
        write_photos(options.pictures, Path(name), options.photos)
        photos = sorted(Path(name).iterdir())
        for model in options.models:
            sampler = open_sampler(SamplerSpec(model, device="cpu"))
            runs = [one_run(photos, sampler) for _ in range(3)]
            least = [min(column) for column in zip(*runs, strict=True)]
            print(f"{model:<12}" + "".join(f"{ms:9.1f}" for ms in (*least, sum(least))), flush=True)


if __name__ == "__main__":
    main()
