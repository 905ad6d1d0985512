"""What the tools of jpegx explore that answer without a model share: file, answer, session."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from jpegx.cli.arguments import name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_bench import BenchRequest, check_session, session_option
from jpegx.cli.explore_options import failures, json_option, open_jpeg, show
from jpegx.cli.shared_options import max_pixels_option

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    from jpegx.exploration.statements import Answer
    from jpegx.jpeg.file import QuantizedJpeg


@dataclass(frozen=True)
class Question:
    """The file that is asked about, how the answer is printed, and the session that keeps it."""

    argument: str
    as_json: bool
    session: Path | None
    max_pixels: int

    @property
    def name(self) -> str:
        """What messages call the file."""
        return name_of(self.argument)

    @contextmanager
    def opened(self, console: Console) -> "Iterator[QuantizedJpeg]":
        """The file; whatever is wrong with it or in the block becomes one line, and status 1."""
        check_session(self.session)
        with failures(console, self.name):
            yield open_jpeg(console, self.argument, self.max_pixels)

    def tell(self, jpeg: "QuantizedJpeg", answer: "Answer") -> None:
        """Keep the answer in the session, if one is named, and print it.

        Raises JpegxError, OSError.
        """
        if self.session is not None:
            bench = BenchRequest(None, None, "auto", "auto", None, self.session, None, 0)
            bench.of_file(jpeg, self.name).record(answer)
        show(answer, as_json=self.as_json)


def question_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a Question; the command gets it as ``question``."""

    @json_option
    @session_option
    @max_pixels_option
    @wraps(command)
    def with_question(
        *args: object,
        jpeg: str,
        as_json: bool,
        session: Path | None,
        max_pixels: int,
        **kwargs: object,
    ) -> None:
        command(*args, question=Question(jpeg, as_json, session, max_pixels), **kwargs)

    return with_question
