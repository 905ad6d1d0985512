"""Patches a second of the training data alone: python tests/benchmarks/loader.py DIR [WORKERS]."""

import sys
from pathlib import Path
from time import perf_counter

import torch

from jpegx.sampling.hardware import choose_device
from jpegx.training.data.compress import compress
from jpegx.training.data.images import ImageSet, find_images
from jpegx.training.data.loader import load_steps
from jpegx.training.data.patches import PatchRules
from jpegx.training.recipe.recipe import load_recipe

_STEPS = 200


def main(folder: Path, workers: int) -> None:
    """Print how fast patches are cut by worker processes, and compressed on the device."""
    data = load_recipe("compact").data
    rules = PatchRules.of(data)
    images = ImageSet(find_images(folder), data.patch, data.cache_gigabytes, print)
    all_groups = range(data.groups)
    batches = load_steps(images, rules, 0, data.groups, all_groups, range(_STEPS), workers)
    next(batches)
    start = perf_counter()
    *_, groups = batches
    seconds = perf_counter() - start
    print(f"cut by {workers} workers: {(_STEPS - 1) * data.batch / seconds:.0f} patches/s")
    device = choose_device("auto")
    compress(groups, device)
    start = perf_counter()
    for _ in range(_STEPS):
        compress(groups, device)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = perf_counter() - start
    print(f"compressed on {device}: {_STEPS * data.batch / seconds:.0f} patches/s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
