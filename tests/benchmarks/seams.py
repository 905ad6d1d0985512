"""Are the borders of tiles visible? python tests/benchmarks/seams.py WEIGHTS FILE.jpg...

Each file is rendered whole and in tiles. Printed, in gray levels: the difference of the two (RMS
and at most); the mean step from one pixel to the next across the borders of tiles, in both
pictures; and the same everywhere else. A seam is a border's step that is larger in tiles than
whole. Between blended tiles all the pixels of the blend count as border.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from jpegx.jpeg.file import read_jpeg
from jpegx.models.checkpoint import load
from jpegx.sampling.generate import generate, tiles_of
from jpegx.sampling.hardware import prepare


def borders(tiles: list[tuple[int, int]], length: int) -> Tensor:
    """Which of the length - 1 steps along an axis cross a border: (first, blend) of each tile."""
    marked = torch.zeros(length, dtype=torch.bool)
    for first, blend in tiles:
        if first:
            marked[first - 1 : first + blend] = True
    return marked[:-1]


def steps(image: Tensor, down: Tensor, across: Tensor) -> tuple[float, float]:
    """Mean absolute step at the borders, and everywhere else, of an image (C, H, W)."""
    rows, columns = image.diff(dim=1).abs(), image.diff(dim=2).abs()
    at = torch.cat([rows[:, down].flatten(), columns[:, :, across].flatten()])
    other = torch.cat([rows[:, ~down].flatten(), columns[:, :, ~across].flatten()])
    return float(at.mean()), float(other.mean())


def main() -> None:
    """Print a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--tile", type=int, default=384, help="side of what a tile may see")
    options = parser.parse_args()
    generator = prepare(load(options.weights)[0], torch.device("cpu"), "float32")
    memory = options.tile**2 * generator.bytes_per_pixel(4)
    print(f"{'file':<24}{'tiles':>6}{'RMS':>8}{'most':>7}{'borders':>9}{'whole':>7}{'rest':>7}")
    for path in options.files:
        jpeg = read_jpeg(path)
        height, width = jpeg.layout.height, jpeg.layout.width
        tiles = tiles_of(generator, jpeg.layout, memory)
        if len(tiles) == 1:
            print(f"{path.name:<24}     1  (smaller than a tile)")
            continue
        whole = next(generate(generator, jpeg, samples=1, seed=0, memory=1 << 40))
        tiled = next(generate(generator, jpeg, samples=1, seed=0, memory=memory))
        down = borders([(t.written.top, t.blend[0]) for t in tiles], height)
        across = borders([(t.written.left, t.blend[1]) for t in tiles], width)
        change = tiled - whole
        at, rest = steps(tiled, down, across)
        print(
            f"{path.name:<24}{len(tiles):>6}{float(change.square().mean().sqrt()):>8.4f}"
            f"{float(change.abs().max()):>7.3f}{at:>9.3f}"
            f"{steps(whole, down, across)[0]:>7.3f}{rest:>7.3f}"
        )


if __name__ == "__main__":
    main()
