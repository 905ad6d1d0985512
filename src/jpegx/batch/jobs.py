"""Many JPEG files into pictures, wherever that is done."""

from collections.abc import Generator, Iterable
from contextlib import closing

from jpegx.batch.manifest import Manifest
from jpegx.batch.outcomes import Failed, Outcome
from jpegx.batch.outputs import Outputs
from jpegx.batch.settings import DecodeSettings
from jpegx.batch.tasks import Executor, make_tasks
from jpegx.io.inputs import Input


def decode_files(
    jobs: Iterable[tuple[Input, Outputs]],
    settings: DecodeSettings,
    executor: Executor,
    manifest: Manifest | None = None,
) -> Generator[Outcome, None, None]:
    """Decode each input into its outputs and tell what came of it, in order.

    ``jobs`` are taken as they can be done. An input that fails says so in one ``Failed`` and the
    next one follows. Closing the iterator, or an interrupt, abandons what is not complete and
    leaves nothing half-written. ``manifest``: gets what comes of each file; what it says is done is
    left out.

    Raises BrokenPipeError if the reader of an output has gone: then there is nobody to work for.
    """
    failed: Input | None = None
    with closing(executor.run(make_tasks(jobs, settings, manifest))) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                if outcome.source == failed:
                    continue  # the same full disk, for another picture of the same file
                failed = outcome.source
            if manifest is not None:
                manifest.record(outcome)
            yield outcome
