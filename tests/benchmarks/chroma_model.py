"""How well the low frequencies of larger blocks model chroma (Bahat and Michaeli 2021, 4.1).

    python tests/benchmarks/chroma_model.py FOLDER

For the pictures of a folder: the share of the energy of 16x16 chroma blocks that is in their 8x8
lowest frequencies, with the middle gray of 128 and without; and the PSNR between pictures whose
chroma is the means of 2x2 pixels and pictures whose chroma is these frequencies, neither quantized,
both enlarged by padding with zeros: as published, and with the gain of the means made good. The
paper has 99.99998 % and 88.9 dB for BSD-100, and does not say how they are measured.
"""

from pathlib import Path

import click
import torch
from torch import Tensor

from jpegx.io.inputs import find_pictures
from jpegx.io.picture_reader import read_rgb
from jpegx.jpeg.color import to_pixels
from jpegx.jpeg.layout import Layout
from jpegx.jpeg.resized_dct import enlarge, join_blocks
from jpegx.jpeg.transform import encode_dct
from jpegx.metrics.psnr import psnr

MIDDLE = 128 * 16  # what a gray level of 128 adds to the first coefficient of a 16x16 block


def measure(picture: Tensor) -> list[float]:
    """Shares with and without the middle gray, PSNR as published and compensated; of (3, H, W)."""
    height, width = (size // 16 * 16 for size in picture.shape[1:])
    pixels = picture[None, :, :height, :width].double()
    full = encode_dct(pixels, Layout(width, height, "ycbcr", ((1, 1),) * 3))
    reduced = Layout(width, height, "ycbcr", ((2, 2), (1, 1), (1, 1)))
    means = encode_dct(pixels, reduced)
    blocks = [join_blocks(grid, (2, 2)) for grid in full[1:]]
    shares = []
    for middle in (MIDDLE, 0):
        energies = []
        for grid in blocks:
            energy = grid.clone()
            energy[..., 0, 0] += middle
            energy.square_()
            whole = energy.sum(dim=(-2, -1))
            energies.append((energy[..., :8, :8].sum(dim=(-2, -1)) + 1e-9) / (whole + 1e-9))
        shares.append(100 * torch.stack(energies).mean().item())
    low = [grid[..., :8, :8] / 2 for grid in blocks]
    found = []
    for compensate in (False, True):
        # What is compared is the means; the frequencies have no gain to make good.
        pictures = [
            to_pixels(
                torch.stack([enlarge(full[0], (1, 1)), *planes], dim=1),
                reduced,
            )
            for planes in (
                [enlarge(grid, (2, 2), compensate=compensate) for grid in means[1:]],
                [enlarge(grid, (2, 2), compensate=False) for grid in low],
            )
        ]
        found.append(psnr(pictures[0][0], pictures[1][0]))
    return [*shares, *map(float, found)]


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Print the means over the pictures of FOLDER."""
    rows = [
        measure(torch.from_numpy(read_rgb(path).copy()).permute(2, 0, 1))
        for path in find_pictures(folder)
    ]
    means = torch.tensor(rows, dtype=torch.float64).mean(dim=0).tolist()
    print(f"{len(rows)} pictures")
    print(
        f"energy in the low 8x8 frequencies: {means[0]:.5f} %, without the middle {means[1]:.3f} %"
    )
    print(f"PSNR of the two pipelines: {means[2]:.1f} dB, compensated {means[3]:.1f} dB")


if __name__ == "__main__":
    main()
