"""Pictures into PNG files in the background: zlib works on one core a picture."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx.batch.measured_map import DEVIATION
from jpegx.batch.outcomes import Appeared, Failed, Outcome, Written
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.writing import write_picture
from jpegx.io.atomic_file import atomic_file
from jpegx.io.failures import one_line
from jpegx.io.tiled_tiff import PaddedPicture
from jpegx.jpeg.metadata.collect import Metadata

# Two at a time keep up with a sampler that uses every core.
ENCODERS = 2

OpenOutput = Callable[[Path], AbstractContextManager[BinaryIO]]


class Encoder:
    """Encodes pictures into their files in the background, until it is closed."""

    def __init__(self, settings: DecodeSettings, open_output: OpenOutput | None) -> None:
        self._settings = settings
        self._open_output = open_output
        self._stop = Event()
        self._threads = ThreadPoolExecutor(ENCODERS, "png")

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._threads.shutdown(cancel_futures=True)

    def start(
        self,
        written: Written,
        pixels: np.ndarray | PaddedPicture,
        metadata: Metadata,
        *,
        replace: bool,
    ) -> Future[Outcome]:
        """Begin to write the pixels into ``written.output``; ``replace`` what is there."""
        return self._threads.submit(self._write, written, pixels, metadata, replace)

    def _write(
        self,
        written: Written,
        pixels: np.ndarray | PaddedPicture,
        metadata: Metadata,
        replace: bool,
    ) -> Outcome:
        try:
            with self._open(written, replace) as stream:
                write_picture(
                    stream,
                    pixels,
                    metadata,
                    _description(written, self._settings),
                    "png" if written.kind == "std" else self._settings.container,
                    compress_level=self._settings.compress_level,
                    stop=self._stop,
                )
        except BrokenPipeError:
            raise
        except FileExistsError as error:
            if self._settings.existing == "skip":
                return Appeared(written.source)
            return Failed(written.source, one_line(error, written.source.name))
        except Exception as error:
            return Failed(written.source, one_line(error, written.source.name))
        return written

    def _open(self, written: Written, replace: bool) -> AbstractContextManager[BinaryIO]:
        if self._open_output is not None:
            return self._open_output(written.output)
        times = None
        if self._settings.preserve:
            status = written.source.path.stat()
            times = status.st_atime_ns, status.st_mtime_ns
        return atomic_file(written.output, overwrite=replace, times=times)


def _description(written: Written, settings: DecodeSettings) -> str:
    """What the picture says of itself: a sample must never pass for the photograph."""
    if written.kind == "std":
        return DEVIATION
    what = f"sample {written.sample}" if written.kind == "sample" else "mean"
    projected = "projected" if settings.project else "not projected"
    return f"{what} of {settings.spec.label}, seed {settings.seed}, {projected}"
