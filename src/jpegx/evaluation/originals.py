"""The originals that decoders are measured against: folders of pictures, each a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.jpeg.color import to_gray
from jpegx.training.images import find_images, read_image


class UnreadablePicture(JpegxError):
    """A picture that cannot be read."""


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


def read_pixels(path: Path, *, gray: bool) -> Tensor:
    """The pixels of a picture, uint8 (C, H, W): RGB, or with ``gray`` libjpeg's luma of it.

    Raises UnreadablePicture, one line that names the file.
    """
    try:
        pixels = torch.tensor(read_image(path)).permute(2, 0, 1).contiguous()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UnreadablePicture(f"{path}: cannot be read as a picture ({reason})") from None
    return to_gray(pixels[None])[0].to(torch.uint8) if gray else pixels
