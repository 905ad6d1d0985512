"""Fuzz the reader of JPEG files, guided by coverage: no file may end in anything but a JpegxError.

    pip install -e '.[fuzz]'
    python tests/benchmarks/fuzz_reader.py CORPUS [FOLDER ...] [-max_total_time=1800 ...]

CORPUS, which is made, collects inputs that reach something new; further folders hold files to
start from. Other options are libFuzzer's. What fails is written beside it as crash-* or timeout-*.
Every input goes through the reader with its limits lowered, so that a large picture is refused and
not decoded, and through ``jpegx info``'s description; metadata is made into PNG chunks.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jpegx"]):
    from jpegx.batch.carried import carried_chunks
    from jpegx.errors import JpegxError
    from jpegx.jpeg.describe import describe
    from jpegx.jpeg.file import read_jpeg
    from jpegx.jpeg.metadata.collect import read_metadata
    from jpegx.jpeg.reader.survey import survey

# Small: what is large is slow, and comes by the same ways.
MAX_PIXELS = 1 << 13
MOST_BYTES = 1 << 13


def one_input(data: bytes) -> None:
    """Read one file in every way that a command does."""
    try:
        jpeg = read_jpeg(data, max_pixels=MAX_PIXELS)
        describe(jpeg)
        for chunk in carried_chunks(jpeg.metadata, {"Software": "fuzz"}):
            chunk.encode()
    except JpegxError as error:
        check_line(str(error))
    try:
        read_metadata(data, gray=None, end=survey(data).end)
    except JpegxError as error:
        check_line(str(error))


def check_line(text: str) -> None:
    """Fail unless a message is one printable line."""
    if not text.isprintable():
        raise ValueError(f"not one line: {text!r}")


def main() -> None:
    arguments = sys.argv[1:]
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if not folders:
        sys.exit(__doc__)
    Path(folders[0]).mkdir(parents=True, exist_ok=True)
    options = [f"-max_len={MOST_BYTES}", "-timeout=20", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *options, *arguments], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
