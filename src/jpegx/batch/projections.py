"""Pictures of other programs, made consistent with their JPEG files and written."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx.batch.carried import lost_metadata, of_a_measurement
from jpegx.batch.encoder import OpenOutput
from jpegx.batch.measured_map import CONTRADICTION, measured_pixels
from jpegx.batch.outputs import is_jpeg, is_picture
from jpegx.batch.writing import write_picture
from jpegx.errors import JpegxError
from jpegx.io.any_picture import read_any_picture
from jpegx.io.atomic_file import atomic_file, remove_leftovers
from jpegx.io.formats import CONTAINERS, Container, Form
from jpegx.io.inputs import PICTURE_SUFFIXES, split_suffix
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.metadata.collect import Metadata
from jpegx.sampling.projecting import Moved, PictureProjector

_TOLD = "picture of another program, made consistent with the JPEG file"


@dataclass(frozen=True)
class ProjectSettings:
    """How pictures are projected: the options of ``jpegx project`` under their own names.

    ``output``, ``maps``: a folder, or a file for one picture; without ``output`` pictures are
    written beside what they are made of, without ``maps`` no map is.
    """

    form: Form
    container: Container
    output: Path | None
    maps: Path | None
    compress_level: int
    overwrite: bool
    max_pixels: int


@dataclass(frozen=True)
class Projection:
    """A picture that is written: where, where its map is, and how far it was moved."""

    output: Path
    map: Path | None
    moved: Moved


class Projections:
    """Projects pictures onto one file, and writes them.

    ``source``, ``name``: the JPEG file, and what messages call it. ``written``: the outputs of
    other files, which are not replaced; grows. ``open_output``: as of :class:`Encoder`. Raises
    JpegxError if the file cannot be read or nothing be projected onto it.
    """

    def __init__(
        self,
        source: Path | BinaryIO,
        name: str,
        settings: ProjectSettings,
        written: set[Path],
        open_output: OpenOutput | None,
    ) -> None:
        self._jpeg = read_jpeg(source, name=name, max_pixels=settings.max_pixels)
        self._projector = PictureProjector(self._jpeg, settings.form)
        self._settings = settings
        self._written = written
        self._open_output = open_output
        lost = lost_metadata(self._jpeg.metadata, settings.container)
        self.warnings = (*self._jpeg.warnings, *([lost] if lost else []))

    def write(self, source: Path | BinaryIO, name: str, relative: Path) -> Projection:
        """Project a picture. ``relative``: its path below an output folder.

        Raises JpegxError if it cannot be read or compared, or its output is taken; OSError.
        """
        output, where = self._outputs(name, relative)
        self._check(source, output, where)
        layout = self._jpeg.layout
        moved = self._projector(read_any_picture(source, name, (layout.width, layout.height)))
        self._save(output, moved.pixels, self._jpeg.metadata, _TOLD, self._settings.container)
        if where is not None:
            metadata = of_a_measurement(self._jpeg.metadata)
            self._save(where, measured_pixels(moved.contradiction), metadata, CONTRADICTION, "png")
        return Projection(output, where, moved)

    def _outputs(self, name: str, relative: Path) -> tuple[Path, Path | None]:
        settings = self._settings
        stem = split_suffix(relative.name, PICTURE_SUFFIXES)[0]
        suffix = CONTAINERS[settings.container].suffixes[0]
        if settings.output is None:
            output = Path(name).parent / f"{stem}_projected{suffix}"
        elif is_picture(settings.output) or self._open_output is not None:
            output = settings.output
        else:
            output = settings.output / relative.parent / f"{stem}{suffix}"
        if settings.maps is None or is_picture(settings.maps):
            return output, settings.maps
        return output, settings.maps / relative.parent / f"{stem}_map.png"

    def _check(self, source: Path | BinaryIO, output: Path, where: Path | None) -> None:
        """Refuse what is there, before any work; and what is read, or written already, always."""
        targets = [] if self._open_output is not None else [("-o", output)]
        targets += [] if where is None else [("--map", where)]
        taken = set(self._written)
        if isinstance(source, Path):
            taken.add(source.resolve())
        for option, path in targets:
            if path.resolve() in taken:
                raise JpegxError(f"{path} is already another picture; give another {option}")
            if path.exists() and not self._settings.overwrite:
                raise JpegxError(f"{path} exists (use --overwrite)")
            if is_jpeg(path):
                raise JpegxError(f"{path} is a JPEG file itself; give another {option}")
            taken.add(path.resolve())
        self._written.update(path.resolve() for _, path in targets)

    def _save(
        self,
        path: Path,
        content: np.ndarray | PaddedPicture,
        metadata: Metadata,
        told: str,
        container: Container,
    ) -> None:
        level = self._settings.compress_level
        with self._open(path) as stream:
            write_picture(
                stream, content, metadata, told, container, compress_level=level, stop=Event()
            )

    def _open(self, path: Path) -> AbstractContextManager[BinaryIO]:
        if self._open_output is not None and path == self._settings.output:
            return self._open_output(path)
        remove_leftovers(path.parent)
        return atomic_file(path, overwrite=self._settings.overwrite)
