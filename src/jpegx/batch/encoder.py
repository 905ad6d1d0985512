"""Pictures into PNG files in the background: zlib works on one core a picture."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event
from typing import BinaryIO

import numpy as np

from jpegx import __version__
from jpegx.batch.carried import carried_chunks
from jpegx.batch.outcomes import Appeared, Failed, Outcome, Written
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.std_map import SCALE
from jpegx.io.atomic_file import atomic_file
from jpegx.io.failures import one_line
from jpegx.io.png import encode_png
from jpegx.io.tiled_tiff import PaddedPicture, write_padded
from jpegx.jpeg.metadata.collect import Metadata
from jpegx.jpeg.metadata.icc import color_space

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
        self, written: Written, pixels: np.ndarray | PaddedPicture, metadata: Metadata
    ) -> Future[Outcome]:
        """Begin to write the pixels into ``written.output``."""
        return self._threads.submit(self._write, written, pixels, metadata)

    def _write(
        self, written: Written, pixels: np.ndarray | PaddedPicture, metadata: Metadata
    ) -> Outcome:
        text = _text(written, self._settings)
        level = self._settings.compress_level
        try:
            with self._open(written) as stream:
                if isinstance(pixels, PaddedPicture):
                    write_padded(
                        stream,
                        pixels,
                        text=text,
                        profile=metadata.icc_profile,
                        xmp=metadata.xmp,
                        dpi=metadata.dpi,
                        compress_level=level,
                        stop=self._stop,
                    )
                else:
                    encode_png(
                        stream,
                        _fitting(pixels, metadata),
                        carried_chunks(metadata, text),
                        compress_level=level,
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

    def _open(self, written: Written) -> AbstractContextManager[BinaryIO]:
        if self._open_output is not None:
            return self._open_output(written.output)
        times = None
        if self._settings.preserve:
            status = written.source.path.stat()
            times = status.st_atime_ns, status.st_mtime_ns
        overwrite = self._settings.existing == "overwrite"
        return atomic_file(written.output, overwrite=overwrite, times=times)


def _fitting(pixels: np.ndarray, metadata: Metadata) -> np.ndarray:
    """The pixels as their profile says what they are: a PNG in gray may have none for RGB."""
    profile = metadata.icc_profile
    if pixels.shape[2] == 1 and profile is not None and color_space(profile) == "RGB":
        return pixels.repeat(3, axis=2)
    return pixels


def _text(written: Written, settings: DecodeSettings) -> dict[str, str]:
    """What the picture says of itself: a sample must never pass for the photograph."""
    if written.kind == "std":
        return {"Software": f"jpegx {__version__}", "Description": SCALE}
    what = f"sample {written.sample}" if written.kind == "sample" else "mean"
    projected = "projected" if settings.project else "not projected"
    return {
        "Software": f"jpegx {__version__}",
        "Description": f"{what} of {settings.spec.label}, seed {settings.seed}, {projected}",
    }
