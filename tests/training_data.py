"""What the tests of training share: small images, a small recipe, a run of the command."""

import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from forked import Forked
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


def stop_after(arguments: Sequence[object], run: Path, steps: int, stop: signal.Signals) -> None:
    """Train until the log of a run has more lines than that of some steps, then send a signal."""
    log = run / "log.jsonl"
    process = Forked(arguments, run.parent / "messages.txt")
    process.wait_until(lambda: log.exists() and log.read_text().count('"stage"') > steps)
    process.end(stop)
