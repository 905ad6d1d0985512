"""The script that trains where there is no network, on a CPU and with a tiny network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jpegx.models import checkpoint
from training_data import write_images

SCRIPT = Path(__file__).parents[2] / "src/jpegx/training/recipe/recipes/gpu.sh"
TINY = (
    *("training.start=", "regression.steps=2", "head.steps=4", "head.filters=2"),
    "generator.config={widths = [8, 8], encoder = [1, 1], decoder = [1, 1], dither = true}",
    *("head.critics.pixel.config={widths = [8, 8]}", "head.critics.seen.family=light"),
    "head.critics.seen.config={widths = [8, 8]}",
    *("data.patch=80", "data.batch=4", "data.groups=2", "data.workers=0", "run.save_every=2"),
    *("validation.images=1", "validation.crop=48", "validation.samples=2"),
)


@pytest.mark.slow
def test_a_run_is_started_cut_off_and_ended_by_the_same_command(tmp_path: Path) -> None:
    data, run = write_images(tmp_path / "data", size=(96, 80)), tmp_path / "run"

    def train(*changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", SCRIPT, data, run, "5", "cpu", *changes],
            env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    # Without a critic to stand on there is nothing to train: told, and nothing made.
    refused = train(*TINY, "head.critics.seen.family=none")
    assert refused.returncode == 1, refused.stderr
    assert "head.critics.seen.family must be given" in refused.stderr
    assert not run.exists()
    for _ in range(2):  # the second has only the weights to write
        done = train(*TINY)
        assert done.returncode == 0, done.stderr
        (run / "weights.safetensors").rename(tmp_path / "weights.safetensors")
    generator, card = checkpoint.load(tmp_path / "weights.safetensors")
    assert (card["recipe"], card["stage"], card["steps"]) == ("gpu", "head", 6)
    assert generator.stochastic
