"""Fits NIQE's pristine model to folders of good pictures, such as the one that comes with jpegx.

python tests/benchmarks/fit_niqe.py FOLDER... --words "what they are" -o niqe.safetensors
"""

from collections.abc import Iterator
from pathlib import Path

import click
import torch
from torch import Tensor

from jpegx.io.picture_reader import read_rgb
from jpegx.metrics.niqe import Niqe
from jpegx.training.data.images import find_images


def pictures(folders: tuple[Path, ...]) -> Iterator[Tensor]:
    """The pictures of the folders, uint8 (3, H, W)."""
    for folder in folders:
        for path in find_images(folder):
            yield torch.tensor(read_rgb(path)).permute(2, 0, 1)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--words", required=True, help="What it is fitted on, kept in the file.")
@click.option("-o", "output", required=True, type=click.Path(path_type=Path))
def main(folders: tuple[Path, ...], words: str, output: Path) -> None:
    Niqe.fit(pictures(folders), words).save(output)


if __name__ == "__main__":
    main()
