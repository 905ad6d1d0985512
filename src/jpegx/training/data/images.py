"""The images of a folder to train on: found, read, and kept decoded where they fit."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from jpegx.errors import JpegxError, UnreadablePicture
from jpegx.io.inputs import find_pictures
from jpegx.io.picture_reader import read_rgb

_READERS = 4


class NoImages(JpegxError):
    """A folder holds no image to train on, or none that is large enough."""


class LostImage(JpegxError):
    """An image cannot be read any more."""


def find_images(folder: Path) -> list[Path]:
    """Paths of the image files below a folder, sorted, so that their order is the same everywhere.

    Raises NoImages if there are none; OSError if a folder cannot be listed.
    """
    if not folder.is_dir():
        raise NoImages(f"{folder}: not a folder; name a folder of images")
    found = find_pictures(folder)
    if not found:
        raise NoImages(f"{folder}: no images in it; PNG, WebP, TIFF and JPEG files are looked for")
    return found


class ImageSet:
    """Readable images, each at least ``smallest`` pixels high and wide.

    All are decoded once to see that they can be, and are kept decoded (uint8) while they take
    no more than ``cache_gigabytes`` together; the others are read again each time. Images that
    cannot be read or are too small are left out; ``skipped`` is called with one line that names
    each. Raises NoImages if none is left.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        smallest: int,
        cache_gigabytes: float,
        skipped: Callable[[str], None],
    ) -> None:
        self.paths: list[Path] = []
        self._decoded: list[np.ndarray | None] = []
        room = cache_gigabytes * 1e9
        with ThreadPoolExecutor(_READERS) as readers:
            # In portions: what is read ahead must not fill the memory.
            for start in range(0, len(paths), 64):
                portion = paths[start : start + 64]
                for path, result in zip(portion, readers.map(_try_read, portion), strict=True):
                    if isinstance(result, str):
                        skipped(f"{path}: skipped: {result}")
                    elif min(result.shape[:2]) < smallest:
                        size = f"{result.shape[1]}x{result.shape[0]}"
                        skipped(f"{path}: skipped: {size} is smaller than a patch of {smallest}")
                    else:
                        room -= result.nbytes
                        self.paths.append(path)
                        self._decoded.append(result if room >= 0 else None)
        if not self.paths:
            raise NoImages(
                f"{_common(paths)}: of {len(paths)} images none can be read and is at least "
                f"{smallest} pixels high and wide; name a folder with larger ones"
            )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        """Pixels of an image, uint8 (H, W, 3). Raises LostImage."""
        decoded, path = self._decoded[index], self.paths[index]
        if decoded is not None:
            return decoded
        found = _try_read(path)
        if isinstance(found, str):
            raise LostImage(f"{path}: could be read before, but not now: {found}")
        return found

    def keep_back(self, count: int) -> tuple[list[Path], list[np.ndarray]]:
        """Take so many images out of the set, evenly spread over it: their paths and pixels."""
        taken = [(2 * i + 1) * len(self) // (2 * count) for i in range(count)]
        kept_back = [self.paths[i] for i in taken], [self[i] for i in taken]
        for index in reversed(taken):
            del self.paths[index], self._decoded[index]
        return kept_back


def _common(paths: Sequence[Path]) -> str:
    """The folder that holds them all, as they name it."""
    return os.path.commonpath([path.parent for path in paths]) or os.curdir


def _try_read(path: Path) -> np.ndarray | str:
    try:
        return read_rgb(path)
    except UnreadablePicture as error:
        return str(error).removeprefix(f"{path}: ")
    except MemoryError:
        return "not enough memory for it"
