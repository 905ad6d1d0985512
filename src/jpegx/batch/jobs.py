"""Many JPEG files, one after another, into PNG files; the encoding overlaps the decoding."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jpegx.batch.carried import lost_metadata, of_a_measurement
from jpegx.batch.encoder import ENCODERS, Encoder, OpenOutput
from jpegx.batch.measured_map import measured_pixels
from jpegx.batch.outcomes import Failed, Finished, Outcome, Warned, Written
from jpegx.batch.outputs import Outputs, to_write
from jpegx.batch.settings import DecodeSettings
from jpegx.io.atomic_file import remove_leftovers
from jpegx.io.claim import claim
from jpegx.io.failures import one_line
from jpegx.io.inputs import Input
from jpegx.jpeg.file import QuantizedJpeg, read_jpeg
from jpegx.jpeg.layout import Layout
from jpegx.sampling.decoding import Decoded, decode
from jpegx.sampling.finishing import Picture
from jpegx.sampling.sampler import Progress, Sampler

_Step = Outcome | Future[Outcome]


@dataclass(frozen=True)
class _Work:
    """What is done with each file, and by what."""

    settings: DecodeSettings
    sampler: Sampler
    progress: Progress | None
    searching: Callable[[str, int], None] | None
    encoder: Encoder

    def decode(self, jpeg: QuantizedJpeg, name: str) -> Decoded:
        """The pictures of a file."""
        return decode(
            jpeg,
            self.sampler,
            samples=self.settings.samples,
            seed=self.settings.seed,
            project=self.settings.project,
            mean=self.settings.mean,
            std_map=self.settings.std_map,
            form=self.settings.form,
            progress=self.progress,
            searching=None if self.searching is None else partial(self.searching, name),
        )


def decode_files(
    jobs: Iterable[tuple[Input, Outputs]],
    settings: DecodeSettings,
    sampler: Sampler,
    open_output: OpenOutput | None = None,
    progress: Progress | None = None,
    searching: Callable[[str, int], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Decode each input into its outputs and tell what came of it, in order.

    An input that fails says so in one ``Failed`` and the next one follows. Closing the iterator, or
    an interrupt, abandons what is not complete and leaves nothing half-written. ``open_output``
    opens an output by its path; without it, files are written (``io.atomic_file``). ``sampler``:
    that of ``settings.spec``. ``progress``: as of :meth:`Sampler.sample`. ``searching``: told again
    and again, with the name of the input, how many units of a picture are searched for.

    Raises BrokenPipeError if the reader of an output has gone: then there is nobody to work for.
    """
    with Encoder(settings, open_output) as encoder:
        failed: Input | None = None
        work = _Work(settings, sampler, progress, searching, encoder)
        for outcome in _in_order(_all_steps(jobs, work)):
            if isinstance(outcome, Failed):
                if outcome.source is failed:
                    continue  # the same full disk, for another picture of the same file
                failed = outcome.source
            yield outcome


def _all_steps(jobs: Iterable[tuple[Input, Outputs]], work: "_Work") -> Iterator[_Step]:
    """The steps of all inputs; last of those that another process is at, once it has ended."""
    cleaned: set[Path] = set()
    others: list[tuple[Input, Outputs]] = []
    for source, outputs in jobs:
        folder = outputs.samples[0].parent
        if folder not in cleaned:
            cleaned.add(folder)
            remove_leftovers(folder)
        if work.settings.existing != "skip" or _missing(outputs) is None:
            yield from _decode_one(source, outputs, work)
            continue
        yield from _decode_claimed(source, outputs, work, others)
    for source, outputs in others:
        yield from _decode_claimed(source, outputs, work, None)


def _decode_claimed(
    source: Input,
    outputs: Outputs,
    work: "_Work",
    others: list[tuple[Input, Outputs]] | None,
) -> Iterator[_Step]:
    """The steps of one input that no other process is at; else it is put to ``others``.

    Without ``others`` the other process is waited for: what it has made then counts as there.
    """
    claimed = claim(outputs.samples[0], wait=others is None)
    if claimed is None:
        if others is not None:
            others.append((source, outputs))
        return
    try:
        for step in _decode_one(source, outputs, work):
            if isinstance(step, Future):
                claimed.share(step)
            yield step
    finally:
        claimed.release()


def _missing(outputs: Outputs) -> Path | None:
    return next((path for path in outputs if not os.path.lexists(path)), None)


def _decode_one(source: Input, outputs: Outputs, work: "_Work") -> Iterator[_Step]:
    try:
        wanted = to_write(outputs, work.settings.existing, source.name)
        if not wanted:
            yield Finished(source, skipped=True)
            return
        jpeg = read_jpeg(
            source.stream or source.path,
            name=source.name,
            max_pixels=work.settings.max_pixels,
            strict=work.settings.strict,
        )
        for warning in jpeg.warnings:
            yield Warned(source, f"{source.name}: warning: {warning}")
        yield from _pictures(source, jpeg, outputs, wanted, work)
    except BrokenPipeError:
        raise
    except Exception as error:
        yield Failed(source, one_line(error, source.name))
    yield Finished(source, skipped=False)


def _pictures(
    source: Input,
    jpeg: QuantizedJpeg,
    outputs: Outputs,
    wanted: frozenset[Path],
    work: "_Work",
) -> Iterator[_Step]:
    """The pictures of one file, each on its way into its output; no more once one has failed."""
    decoded = work.decode(jpeg, source.name)
    lost = lost_metadata(jpeg.metadata, work.settings.container)
    if lost is not None:
        yield Warned(source, f"{source.name}: warning: {lost}")
    started: list[_Step] = []
    for picture in decoded.pictures:
        output = outputs.mean if picture.kind == "mean" else outputs.samples[picture.index]
        if output is not None and output in wanted:
            pixels = picture.pixels if picture.padded is None else picture.padded
            written = _written(source, output, picture, jpeg.layout)
            started.append(work.encoder.start(written, pixels, jpeg.metadata))
            yield started[-1]
        if any(_is_ready(step) and isinstance(_settle(step), Failed) for step in started):
            return
    if outputs.std_map is not None and outputs.std_map in wanted:
        written = Written(source, outputs.std_map, "std", jpeg.layout.width, jpeg.layout.height)
        metadata = of_a_measurement(jpeg.metadata)
        yield work.encoder.start(written, measured_pixels(decoded.std_map()), metadata)


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


def _in_order(steps: Iterator[_Step]) -> Iterator[Outcome]:
    """The outcomes in the order of the steps, with only a few pictures waiting in memory."""
    waiting: deque[_Step] = deque()
    for step in steps:
        waiting.append(step)
        while waiting and (len(waiting) > ENCODERS or _is_ready(waiting[0])):
            yield _settle(waiting.popleft())
    while waiting:
        yield _settle(waiting.popleft())


def _is_ready(step: _Step) -> bool:
    return not isinstance(step, Future) or step.done()


def _settle(step: _Step) -> Outcome:
    return step.result() if isinstance(step, Future) else step
