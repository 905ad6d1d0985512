"""Which JPEG file each original became: compressed here, or given in a folder."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from jpegx.errors import JpegxError, PictureMismatch
from jpegx.evaluation.benchmark.encoding import compress
from jpegx.io.inputs import JPEG_SUFFIXES, find_pictures
from jpegx.io.paths import file_digest
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.tables import estimate_quality


class Unmatched(JpegxError):
    """An original that has no file of its name where one is looked for."""


class Jpegs(ABC):
    """The JPEG files of originals, one each. ``quality``: of all of them, None if it is unknown."""

    quality: int | None

    @abstractmethod
    def facts(self, name: str) -> dict[str, object]:
        """What tells the file of an original from any other. Raises Unmatched."""

    @abstractmethod
    def open(self, name: str, original: Tensor) -> QuantizedJpeg | None:
        """The file of an original, uint8 (C, H, W); None if there are no files.

        Raises JpegxError if it is missing, cannot be read, or is not of this original.
        """


@dataclass(frozen=True)
class CompressedHere(Jpegs):
    """Files that the real libjpeg makes of the originals at one quality."""

    quality: int
    subsampling: str

    def facts(self, name: str) -> dict[str, object]:
        """The options of the compression."""
        return {"quality": self.quality, "subsampling": self.subsampling}

    def open(self, name: str, original: Tensor) -> QuantizedJpeg:
        """The original, compressed."""
        return read_jpeg(self.compress(original), name=name)

    def compress(self, original: Tensor) -> bytes:
        """The file of an original, uint8 (C, H, W). Raises JpegxError if that is too large."""
        return compress(original, self.quality, self.subsampling)


@dataclass(frozen=True)
class JpegFolder(Jpegs):
    """Files of a folder that are named like the originals."""

    quality: int | None
    files: dict[str, Path]

    def facts(self, name: str) -> dict[str, object]:
        """The content of the file."""
        return {"jpeg": file_digest(self._file(name))}

    def open(self, name: str, original: Tensor) -> QuantizedJpeg:
        """The file of the folder."""
        path = self._file(name)
        jpeg = read_jpeg(path)
        layout = jpeg.layout
        if (layout.height, layout.width) != tuple(original.shape[1:]):
            raise PictureMismatch(
                f"{path}: it has {layout.width}x{layout.height} pixels, "
                f"the original {original.shape[2]}x{original.shape[1]}"
            )
        if layout.is_fractional:
            raise PictureMismatch(f"{path}: fractional sampling factors, which cannot be encoded")
        if layout.channels != len(original):
            advice = "add --gray" if layout.channels == 1 else "leave out --gray"
            raise PictureMismatch(
                f"{path}: {layout.channels} channels, not as the original; {advice}"
            )
        return jpeg

    def _file(self, name: str) -> Path:
        key = without_suffix(name)
        if key not in self.files:
            raise Unmatched(f"no JPEG file called {key} among those of --jpegs")
        return self.files[key]


@dataclass(frozen=True)
class NoJpegs(Jpegs):
    """No files: what needs them is not measured."""

    quality: None = None

    def facts(self, name: str) -> dict[str, object]:
        """Nothing."""
        return {}

    def open(self, name: str, original: Tensor) -> None:
        """Nothing."""


def jpeg_folder(folder: Path) -> JpegFolder:
    """The JPEG files below a folder. Their quality is known if the IJG's tables of one are in all.

    Raises JpegxError if there are none; OSError if a folder cannot be listed.
    """
    paths = find_pictures(folder, suffixes=JPEG_SUFFIXES)
    if not paths:
        raise JpegxError(f"{folder}: no JPEG files in this folder")
    qualities = set()
    for path in paths:
        try:
            found = estimate_quality(read_jpeg(path).tables)
        except JpegxError:
            continue  # it is named when its turn comes
        qualities.add(found.quality if found and found.exact else None)
    quality = qualities.pop() if len(qualities) == 1 else None
    return JpegFolder(quality, {without_suffix(str(p.relative_to(folder))): p for p in paths})


def without_suffix(name: str) -> str:
    """The name by which files of different formats are matched: the path without its ending."""
    return str(Path(name).with_suffix(""))
