"""What is to be done, one file after the other, as whoever does it is told."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from jpegx.batch.manifest import Manifest
from jpegx.batch.outcomes import Failed, Finished, Outcome
from jpegx.batch.outputs import OutputExists, Outputs, to_write
from jpegx.batch.settings import DecodeSettings
from jpegx.io.atomic_file import remove_leftovers
from jpegx.io.inputs import Input

if TYPE_CHECKING:
    from jpegx.sampling.sampler import Progress


@dataclass(frozen=True)
class Task:
    """One file to decode: those of its outputs that are ``wanted``.

    ``replace``: what is there of them is of an earlier try, and is replaced. ``wait``: for another
    process that is at the file.
    """

    source: Input
    outputs: Outputs
    wanted: frozenset[Path]
    replace: bool = False
    wait: bool = False


class Watch(NamedTuple):
    """Who is told of long work while it goes on.

    ``progress``: as of :meth:`Sampler.sample`. ``searching``: with the name of the input, again and
    again, how many units of a picture are searched for.
    """

    progress: "Progress | None" = None
    searching: Callable[[str, int], None] | None = None


NOBODY = Watch()


@dataclass(frozen=True)
class Busy:
    """A file was not decoded: another process is at it."""


class Executor(Protocol):
    """Where tasks are done, with the settings of a run: in this process, in others, elsewhere.

    Used in a ``with`` block, which opens the sampler, and raises JpegxError if that cannot be.
    """

    def __enter__(self) -> Self:
        """Open the sampler."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        """Nothing more is to be done."""

    def run(self, tasks: Iterator[Task | Outcome]) -> Generator[Outcome, None, None]:
        """The outcomes of the tasks, and those that come among them, in order.

        Only a bounded number of tasks is taken ahead of what is told. Closing the iterator abandons
        what is not complete and leaves nothing half-written.
        """


def make_tasks(
    jobs: Iterable[tuple[Input, Outputs]], settings: DecodeSettings, manifest: Manifest | None
) -> Iterator[Task | Outcome]:
    """The task of each input, or what is to be told of it if there is nothing to do."""
    cleaned: set[Path] = set()
    for source, outputs in jobs:
        if manifest is not None and manifest.is_done(source):
            yield Finished(source, skipped=True)
            continue
        folder = outputs.samples[0].parent
        if folder not in cleaned:
            cleaned.add(folder)
            remove_leftovers(folder)
        begun = None if manifest is None else manifest.begun(source)
        if begun is not None:
            wanted = frozenset(path for path in outputs if str(path) in begun)
            yield Task(source, outputs, wanted, replace=True)
            continue
        try:
            wanted = to_write(outputs, settings.existing, source.name)
        except OutputExists as error:
            yield Failed(source, str(error))
            yield Finished(source, skipped=False)
            continue
        if not wanted:
            yield Finished(source, skipped=True)
            continue
        if manifest is not None:
            manifest.begin(source, wanted)
        yield Task(source, outputs, wanted, replace=settings.existing == "overwrite")
