"""What the tools of jpegx explore that make pictures share: the sampler, the start, the session."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jpegx.cli.arguments import NamedPath, name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_options import RegionRequest, model_option, open_jpeg
from jpegx.cli.explore_pictures import write_picture
from jpegx.cli.shared_options import (
    device_option,
    max_pixels_option,
    precision_option,
    spec_of,
    temperature_option,
)
from jpegx.io.failures import reason_of
from jpegx.io.paths import check_place

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    import numpy as np

    from jpegx.exploration.region_spec import RegionSpec
    from jpegx.exploration.session import Session
    from jpegx.exploration.workbench import Start
    from jpegx.jpeg.file import QuantizedJpeg
    from jpegx.jpeg.layout import Layout


session_option = click.option(
    "--session",
    type=NamedPath(),
    metavar="JSON",
    help="Go on with what was made before, and keep what is made now: a file, made if it is "
    "missing, and a folder of pictures beside it.",
)


def check_session(path: Path | None) -> None:
    """Raise click.BadParameter if a session, if there is to be one, cannot be written."""
    if path is not None:
        try:
            check_place(path)
        except OSError as error:
            raise click.BadParameter(
                f"{path}: {reason_of(error)}.", param_hint="--session"
            ) from None


@dataclass(frozen=True)
class BenchRequest:
    """The sampler, the start and the session of the command line."""

    model: str | None
    temperature: float | None
    device: str
    precision: str
    start: str | None
    session: Path | None
    step: int | None
    max_pixels: int

    def open(self, console: Console, argument: str, seed: int = 0) -> "Session":
        """The session, in memory where no file is named. Raises JpegxError, OSError."""
        jpeg = open_jpeg(console, argument, self.max_pixels)
        return self.of_file(jpeg, name_of(argument), seed)

    def of_file(self, jpeg: "QuantizedJpeg", name: str, seed: int = 0) -> "Session":
        """The session of a file that is read already. Raises JpegxError, OSError."""
        from jpegx.exploration.session_file import load, restore

        if self.session is None or not self.session.exists():
            if self.step is not None:
                raise click.UsageError("--from needs a --session that is there.")
            return self._session(jpeg, name, self.model, self.start or "standard", seed)
        data = load(self.session)
        told = _told(self.session, data, self.model)
        if self.start is not None:
            raise click.UsageError("--start is that of the session.")
        request = self if self.temperature is not None else replace(self, temperature=told[1])
        session = request._session(jpeg, name, told[0], told[2], told[3])
        restore(session, data)
        if self.step is not None:
            session.go(self.step)
        return session

    def _session(
        self, jpeg: "QuantizedJpeg", name: str, model: str | None, start: str, seed: int
    ) -> "Session":
        from jpegx.exploration.session import Session
        from jpegx.exploration.session_pictures import picture_path, read_pixels
        from jpegx.exploration.workbench import Workbench
        from jpegx.io.picture_reader import read_comparable
        from jpegx.sampling.spec import default_model

        spec = spec_of(
            model or default_model(), self.device, self.precision, self.temperature,
            self_ensemble=False,
        )  # fmt: skip
        if spec.precision == "int8":
            raise click.UsageError("explore needs gradients, which int8 has not; leave it out.")
        layout = jpeg.layout
        size = (layout.width, layout.height)
        begin: Start | np.ndarray
        if start == "standard":
            begin = "standard"
        elif start == "sample":
            begin = "sample"
        elif start == "picture" and self.session is not None:
            begin = read_pixels(picture_path(self.session, 0), size, layout.channels)
        else:
            begin = read_comparable(Path(start), start, size)[..., : layout.channels]
        return Session(Workbench(jpeg, name, spec, begin, seed), self.session)


def _told(
    path: Path, data: dict[str, Any], model: str | None
) -> tuple[str, float | None, str, int]:
    """Model, temperature, start and seed of a session's file; a model given goes before its own.

    No file of weights is opened because a session names it. Raises BadSession.
    """
    from jpegx.exploration.session_pictures import BadSession
    from jpegx.models.zoo import installed

    try:
        sampler = data["sampler"]
        own, temperature = sampler["model"], sampler["temperature"]
        start, seed = sampler["start"], sampler["seed"]
    except (KeyError, TypeError):
        raise BadSession(f"{path}: its sampler is missing") from None
    if model is None and own not in ("laplace", "standard", *installed()):
        raise BadSession(f"{path}: its model {str(own)[:60]!r} is not installed; give --model")
    good = start in ("standard", "sample", "picture") and type(seed) is int and 0 <= seed < 1 << 63
    if not good or not (temperature is None or isinstance(temperature, int | float)):
        raise BadSession(f"{path}: its sampler is none")
    return model or own, temperature, start, seed


step_option = click.option(
    "--from",
    "step",
    type=click.IntRange(min=0),
    metavar="STEP",
    help="The step of the session to go on from, 0 for the start.  [default: the last]",
)


def bench_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a BenchRequest; the command gets it as ``bench``."""
    start_option = click.option(
        "--start",
        metavar="WHAT",
        help="The picture to begin with: standard, the ordinary decoder's, made exact; sample, the "
        "model's of the seed; or a PNG of the file's size, such as jpegx decode --project wrote.  "
        "[default: standard]",
    )
    return start_option(step_option(kept_options(command)))


def kept_options(command: Callable[..., None]) -> Callable[..., None]:
    """Those of them that mean something to a command about a session that is there."""

    @model_option
    @temperature_option
    @session_option
    @device_option
    @precision_option
    @max_pixels_option
    @wraps(command)
    def with_bench(
        *args: object,
        model: str | None,
        temperature: float | None,
        session: Path | None,
        device: str,
        precision: str,
        max_pixels: int,
        start: str | None = None,
        step: int | None = None,
        **kwargs: object,
    ) -> None:
        bench = BenchRequest(
            model, temperature, device, precision, start, session, step, max_pixels
        )
        command(*args, bench=bench, **kwargs)

    return with_bench


def region_spec(request: RegionRequest, layout: "Layout") -> "RegionSpec":
    """The region of the command line with its masks read. Raises JpegxError."""
    from jpegx.exploration.region_spec import RegionSpec
    from jpegx.exploration.shapes import read_mask

    size = (layout.width, layout.height)
    masks = tuple(read_mask(path, size) for path in request.masks)
    return RegionSpec((*request.shapes, *masks), request.invert, request.snap)


def write_whole(
    session: "Session", pixels: "np.ndarray", path: Path, what: str, *, overwrite: bool
) -> int:
    """Write a whole picture of a session's file; how many coefficients differ, by libjpeg.

    Raises OSError.
    """
    from jpegx.consistency.recompress import recompress

    bench = session.workbench
    jpeg = bench.jpeg
    text = (
        f"One of many pictures that the file {bench.file_hash} allows, made by jpegx explore: "
        f"{what}. Not the photograph; not for diagnosis."
    )
    write_picture(path, pixels, jpeg, text, overwrite=overwrite)
    return sum(recompress(jpeg, pixels).different)
