"""The originals that decoders are measured against: folders of pictures, each a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.cropping import center_square
from jpegx.evaluation.benchmark.request import Request
from jpegx.io.picture_reader import open_picture, read_rgb
from jpegx.training.data.images import find_images

_SMALLEST = 16  # pixels each way: the windows of the measures must fit in


@dataclass(frozen=True)
class DataSet:
    """One folder of originals. ``names``: of its pictures, below the folder, sorted."""

    name: str
    folder: Path
    names: tuple[str, ...]

    def path(self, name: str) -> Path:
        """Where a picture is."""
        return self.folder / name


def find_data_sets(folders: Sequence[Path]) -> list[DataSet]:
    """The data sets of the folders, each with the pictures in it and in its sub-folders.

    A set is called like its folder, or by the whole path if another folder is called the same.
    Raises NoImages for a folder without pictures.
    """
    called = [folder.resolve().name for folder in folders]
    sets = []
    for folder, name in zip(folders, called, strict=True):
        names = tuple(str(path.relative_to(folder)) for path in find_images(folder))
        sets.append(DataSet(name if called.count(name) == 1 else str(folder), folder, names))
    return sets


class TooSmall(JpegxError):
    """A picture that is too small for the measures."""


def read_original(path: Path, request: Request) -> Tensor:
    """The pixels of a picture, uint8 (C, H, W), gray or cropped as the options say.

    Raises UnreadablePicture, TooSmall: one line that names the file.
    """
    pixels = read_pixels(path, gray=request.gray)
    least = request.crop or _SMALLEST
    if min(pixels.shape[1:]) < least:
        size = f"{pixels.shape[2]}x{pixels.shape[1]}"
        raise TooSmall(f"{path}: skipped: {size} pixels, {least} each way are needed")
    return pixels if request.crop is None else center_square(pixels, request.crop).contiguous()


def original_size(path: Path, request: Request) -> tuple[int, int]:
    """Width and height of what :func:`read_original` gives, by the header of the file.

    Raises UnreadablePicture, one line that names the file.
    """
    with open_picture(path, str(path)) as image:
        return image.size if request.crop is None else (request.crop, request.crop)


def read_pixels(path: Path, *, gray: bool) -> Tensor:
    """The pixels of a picture, uint8 (C, H, W): RGB, or with ``gray`` its :func:`video_luma`.

    Raises UnreadablePicture, one line that names the file.
    """
    pixels = torch.tensor(read_rgb(path)).permute(2, 0, 1).contiguous()
    return video_luma(pixels) if gray else pixels


def video_luma(pixels: Tensor) -> Tensor:
    """Gray (1, H, W) of RGB (3, H, W), uint8, 16 to 235, as the field's gray figures have it.

    ITU-R BT.601's digital luma, which MATLAB's rgb2ycbcr gives. Gray pixels stay what they are.
    """
    if (pixels == pixels[:1]).all():
        return pixels[:1]
    weights = torch.tensor((65.481, 128.553, 24.966), dtype=torch.float64) / 255
    luma = 16 + torch.einsum("c,chw->hw", weights, pixels.double())
    return luma.round().to(torch.uint8)[None]
