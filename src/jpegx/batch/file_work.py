"""What is done with one file: read, decoded, its pictures on their way into their files."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jpegx.batch.carried import lost_metadata, of_a_measurement
from jpegx.batch.encoder import ENCODERS, Encoder
from jpegx.batch.measured_map import measured_pixels
from jpegx.batch.outcomes import Failed, Finished, Outcome, Warned, Written
from jpegx.batch.outputs import to_write
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import Busy, Task, Watch
from jpegx.io.claim import claim
from jpegx.io.failures import one_line
from jpegx.io.inputs import Input
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.layout import Layout
from jpegx.sampling.decoding import Decoded, decode
from jpegx.sampling.finishing import Picture
from jpegx.sampling.sampler import Sampler

Step = Outcome | Busy | Future[Outcome]


@dataclass(frozen=True)
class Work:
    """What is done with each file, and by what."""

    settings: DecodeSettings
    sampler: Sampler
    watch: Watch
    encoder: Encoder

    def steps(self, task: Task) -> Iterator[Step]:
        """What comes of a task, step by step, or that another process is at its file.

        Without ``task.wait``; else that process is waited for: what it has made then counts as
        there.
        """
        if self.settings.existing != "skip" or task.replace:
            yield from self._decode_one(task, task.wanted)
            return
        claimed = claim(task.outputs.samples[0], wait=task.wait)
        if claimed is None:
            yield Busy()
            return
        try:
            # What another process has made since the task was.
            wanted = to_write(task.outputs, "skip", task.source.name)
            if not wanted:
                yield Finished(task.source, skipped=True)
                return
            for step in self._decode_one(task, wanted):
                if isinstance(step, Future):
                    claimed.share(step)
                yield step
        finally:
            claimed.release()

    def _decode_one(self, task: Task, wanted: frozenset[Path]) -> Iterator[Step]:
        source = task.source
        try:
            jpeg = read_jpeg(
                source.stream or source.path,
                name=source.name,
                max_pixels=self.settings.max_pixels,
                strict=self.settings.strict,
            )
            for warning in jpeg.warnings:
                yield Warned(source, f"{source.name}: warning: {warning}")
            yield from self._pictures(task, jpeg, wanted)
        except BrokenPipeError:
            raise
        except Exception as error:
            yield Failed(source, one_line(error, source.name))
        yield Finished(source, skipped=False)

    def _pictures(self, task: Task, jpeg: QuantizedJpeg, wanted: frozenset[Path]) -> Iterator[Step]:
        """The pictures of a file, each on its way into its output; no more once one has failed."""
        source, outputs = task.source, task.outputs
        decoded = self._decode(jpeg, source.name)
        lost = lost_metadata(jpeg.metadata, self.settings.container)
        if lost is not None:
            yield Warned(source, f"{source.name}: warning: {lost}")
        started: list[Future[Outcome]] = []
        for picture in decoded.pictures:
            output = outputs.mean if picture.kind == "mean" else outputs.samples[picture.index]
            if output is not None and output in wanted:
                pixels = picture.pixels if picture.padded is None else picture.padded
                written = _written(source, output, picture, jpeg.layout)
                started.append(
                    self.encoder.start(written, pixels, jpeg.metadata, replace=task.replace)
                )
                yield started[-1]
            if any(step.done() and isinstance(step.result(), Failed) for step in started):
                return
        if outputs.std_map is not None and outputs.std_map in wanted:
            written = Written(source, outputs.std_map, "std", jpeg.layout.width, jpeg.layout.height)
            metadata = of_a_measurement(jpeg.metadata)
            yield self.encoder.start(
                written, measured_pixels(decoded.std_map()), metadata, replace=task.replace
            )

    def _decode(self, jpeg: QuantizedJpeg, name: str) -> Decoded:
        """The pictures of a file."""
        searching = self.watch.searching
        return decode(
            jpeg,
            self.sampler,
            samples=self.settings.samples,
            seed=self.settings.seed,
            project=self.settings.project,
            mean=self.settings.mean,
            std_map=self.settings.std_map,
            form=self.settings.form,
            progress=self.watch.progress,
            searching=None if searching is None else partial(searching, name),
        )


def _written(source: Input, output: Path, picture: Picture, layout: Layout) -> Written:
    """What there is to say of a picture once it is in its file; its pixels are not kept."""
    return Written(
        source,
        output,
        picture.kind,
        layout.width,
        layout.height,
        picture.index if picture.kind == "sample" else None,
        picture.different,
        picture.total,
        picture.rmse_added,
        picture.consistency_rmse,
        picture.causes,
    )


def in_order(steps: Iterator[Outcome | Future[Outcome]]) -> Iterator[Outcome]:
    """The outcomes in the order of the steps, with only a few pictures waiting in memory."""
    waiting: deque[Outcome | Future[Outcome]] = deque()
    for step in steps:
        waiting.append(step)
        while waiting and (len(waiting) > ENCODERS or is_ready(waiting[0])):
            yield settle(waiting.popleft())
    while waiting:
        yield settle(waiting.popleft())


def is_ready(step: object) -> bool:
    """Whether a step need not be waited for."""
    return not isinstance(step, Future) or step.done()


def settle(step: Outcome | Future[Outcome]) -> Outcome:
    """What a step tells, once it is complete."""
    return step.result() if isinstance(step, Future) else step
