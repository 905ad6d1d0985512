"""What jpegx eval wrote, and pictures to compare it with."""

import csv
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

Rows = dict[tuple[str, str], dict[str, str]]


def rows(folder: Path) -> Rows:
    """The lines of results.csv by quality and decoder."""
    with (folder / "results.csv").open(newline="") as lines:
        return {(line["quality"], line["decoder"]): line for line in csv.DictReader(lines)}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), np.float64)


def compressed(path: Path, quality: int) -> bytes:
    stream = BytesIO()
    Image.open(path).save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    return stream.getvalue()
