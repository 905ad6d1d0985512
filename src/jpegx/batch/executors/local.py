"""Decoding in this process; the encoding of pictures overlaps it."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Self

from jpegx.batch.encoder import Encoder, OpenOutput
from jpegx.batch.file_work import Work, in_order
from jpegx.batch.outcomes import Outcome
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import NOBODY, Busy, Task, Watch
from jpegx.sampling.sampler import Sampler, open_sampler


class LocalExecutor:
    """Decodes one file after the other.

    ``open_output`` opens an output by its path; without it, files are written
    (``io.atomic_file``).
    """

    def __init__(
        self,
        settings: DecodeSettings,
        watch: Watch = NOBODY,
        open_output: OpenOutput | None = None,
    ) -> None:
        self._settings = settings
        self._open_output = open_output
        self._watch = watch
        self._sampler: Sampler | None = None

    def __enter__(self) -> Self:
        """Open the sampler. Raises JpegxError."""
        self._sampler = open_sampler(self._settings.spec)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Let it go."""
        self._sampler = None

    def run(self, tasks: Iterator[Task | Outcome]) -> Generator[Outcome, None, None]:
        """The outcomes of the tasks: see :class:`Executor`; last those of files that are busy."""
        if self._sampler is None:
            raise ValueError("it runs in a with block")
        with Encoder(self._settings, self._open_output) as encoder:
            work = Work(self._settings, self._sampler, self._watch, encoder)
            yield from in_order(_steps(tasks, work))


def _steps(tasks: Iterator[Task | Outcome], work: Work) -> Iterator[Outcome | Future[Outcome]]:
    others: list[Task] = []
    for task in tasks:
        if not isinstance(task, Task):
            yield task
            continue
        for step in work.steps(task):
            if isinstance(step, Busy):
                others.append(replace(task, wait=True))
            else:
                yield step
    for task in others:
        for step in work.steps(task):
            if not isinstance(step, Busy):
                yield step
