"""Another program as a sampler: it is given the decoded file as a PNG and gives one back."""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Event

import numpy as np
import torch
from torch import Tensor

from jpegx.errors import JpegxError
from jpegx.io.failures import reason_of
from jpegx.io.paths import file_digest
from jpegx.io.picture_reader import read_comparable
from jpegx.io.png import encode_png
from jpegx.jpeg.file import QuantizedJpeg
from jpegx.jpeg.reader import libjpeg
from jpegx.sampling.sampler import Progress, Sampler, in_channels
from jpegx.sampling.spec import BadSpec, SamplerSpec

_INPUT, _OUTPUT, _SEED = "{input}", "{output}", "{seed}"


class CommandSampler(Sampler):
    """Draws with a program of the user's, which is started once a sample, without a shell.

    In its words ``{input}`` stands for a PNG file of what libjpeg shows of the JPEG file (gray of a
    gray one) and ``{output}`` for the picture that it writes, of the same size and in any format
    that is read; where one of them is missing, standard input or output is taken. ``{seed}`` stands
    for a number of 32 bits, another one for each sample; without it the program is started once
    and all samples are the same.
    """

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        text = spec.model.partition(":")[2]
        try:
            self._words = shlex.split(text)
        except ValueError as error:
            raise BadSpec(f"{text}: {error}") from None
        program = shutil.which(self._words[0]) if self._words else None
        if program is None:
            raise BadSpec(f"{text}: there is no such program; give its name or its path")
        # A shell script is a file, too: another one gives other figures.
        files = [Path(word) for word in (program, *self._words[1:]) if Path(word).is_file()]
        self.facts |= {
            "sampler": self._words,
            "files": [file_digest(path) for path in files if os.access(path, os.R_OK)],
        }

    def sample(
        self, jpeg: QuantizedJpeg, samples: int, seed: int, progress: Progress | None = None
    ) -> Iterator[Tensor]:
        """Samples: see :meth:`Sampler.sample`. Raises JpegxError if the program fails."""
        shown = BytesIO()
        pixels = libjpeg.show(jpeg.stream, jpeg.layout)
        encode_png(shown, pixels, (), compress_level=1, stop=Event())
        has_seed = any(_SEED in word for word in self._words)
        image: Tensor | None = None
        for number in range(samples):
            if image is None or has_seed:
                state = np.random.SeedSequence((seed, number)).generate_state(1)
                found = self._picture(shown.getvalue(), jpeg, int(state[0]))
                image = torch.tensor(found).permute(2, 0, 1).float()
            yield in_channels(image, jpeg.layout, self.name).clone()
            if progress is not None:
                progress((number + 1) / samples)

    def _picture(self, png: bytes, jpeg: QuantizedJpeg, seed: int) -> np.ndarray:
        size = jpeg.layout.width, jpeg.layout.height
        with tempfile.TemporaryDirectory(prefix="jpegx-") as name:
            folder = Path(name)
            given, made = folder / "input.png", folder / "output.png"
            takes_file = any(_INPUT in word for word in self._words)
            if takes_file:
                given.write_bytes(png)
            places = {_INPUT: str(given), _OUTPUT: str(made), _SEED: str(seed)}
            words = [_filled(word, places) for word in self._words]
            written = self._run(words, b"" if takes_file else png)
            if any(_OUTPUT in word for word in self._words):
                if not made.is_file():
                    raise JpegxError(f"{self.name}: it has written no picture")
                return read_comparable(made, f"{self.name}: its picture", size)
            return read_comparable(BytesIO(written), f"{self.name}: its picture", size)

    def _run(self, words: list[str], png: bytes) -> bytes:
        """What it writes to standard output. It, and what it started, ends when this ends."""
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise JpegxError(f"{self.name}: {reason_of(error)}") from None
        try:
            written, said = process.communicate(png)
        finally:
            if process.poll() is None:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            how = (
                f"killed by signal {-process.returncode}"
                if process.returncode < 0
                else f"exit status {process.returncode}"
            )
            reason = f" ({lines[-1].strip()})" if lines else ""
            raise JpegxError(f"{self.name}: {how}{reason}")
        return written


def _filled(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word
