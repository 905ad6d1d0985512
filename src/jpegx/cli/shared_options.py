"""Options that several commands share."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click

from jpegx.errors import JpegxError
from jpegx.io.formats import CONTAINERS, OF_SUFFIX, Container, Form
from jpegx.io.paths import is_folder
from jpegx.models.card import MAX_TEMPERATURE
from jpegx.sampling.spec import DEVICES, BadSpec, MeaninglessOption, SamplerSpec, is_device


class Finite(click.FloatRange):
    """A number in a range; click's own takes "nan" for one."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """The number. Raises click.BadParameter."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number in the range {self._describe_range()}.", param, ctx)
        return number


def _pixels(context: click.Context, option: click.Parameter, value: int | None) -> int:
    from jpegx.jpeg.reader.limits import DEFAULT_MAX_PIXELS  # numpy comes with it

    return DEFAULT_MAX_PIXELS if value is None else value


max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    callback=_pixels,
    help="Refuse files of more pixels, before memory is taken for them.  [default: 134217728]",
)


def slack_option(meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Steps by which cells are widened; what that means to a command, its help says."""
    return click.option(
        "--slack", type=Finite(0, 100), default=0.0, show_default=True, metavar="S", help=meaning
    )


ycbcr_option = click.option(
    "--ycbcr",
    is_flag=True,
    help="Write TIFF files in the file's own colours and sampling, with what lies beyond the "
    "edge: exact also where no RGB picture is, as of many cameras.",
)

float_option = click.option(
    "--float",
    "real",
    is_flag=True,
    help="Write TIFF files of 32-bit numbers, neither rounded nor clipped, with what lies beyond "
    "the edge.",
)

compress_level_option = click.option(
    "--compress-level",
    type=click.IntRange(0, 9),
    default=1,
    show_default=True,
    metavar="N",
    help="Compression from 0, fast, to 9, small.",
)


def check_device(value: str) -> None:
    """Raise click.BadParameter for a device of --device that this machine does not have."""
    if value.startswith("cuda"):  # only torch can look for it
        from jpegx.sampling.hardware import choose_device

        try:
            choose_device(value)
        except JpegxError as error:
            raise click.BadParameter(str(error), param_hint="'--device'") from None


def _device(context: click.Context, option: click.Parameter, value: str) -> str:
    if not is_device(value):
        raise click.BadParameter(f"{value!r} is not {DEVICES}.")
    if context.params.get("executor") == "ray":  # whose machines have GPUs, this one or not
        if value.startswith("cuda:"):
            raise click.BadParameter("Ray gives each worker a GPU of its own; say cuda.")
    elif not context.resilient_parsing:
        check_device(value)
    return value


device_option = click.option(
    "--device",
    metavar="[auto|cpu|cuda|cuda:N]",
    default="auto",
    show_default=True,
    callback=_device,
    help="Where to compute; auto takes a GPU if there is one, cuda:1 is the second of several.",
)

precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "int8"]),
    default="auto",
    show_default=True,
    help="Number type of a learned model; auto takes bfloat16 where the hardware has it, else on a "
    "CPU int8 where the model has it.",
)

temperature_option = click.option(
    "--temperature",
    type=Finite(0, MAX_TEMPERATURE),
    metavar="T",
    help="Strength of a learned model's noise: 1 for samples that spread as the possible sources "
    "do, less for cleaner pictures that are more alike.  [default: what the weights' card says]",
)

self_ensemble_option = click.option(
    "--self-ensemble",
    is_flag=True,
    help="Of a regression (--model regression), take the mean of its pictures of the file and of "
    "its three mirror images: closer to the source, for four times the work.",
)


format_option = click.option(
    "--format",
    "file_format",
    type=click.Choice(["png", "png16", "tiff", "tiff16", "webp", "jxl"]),
    help="What pictures are written as; 16: 16 bits a channel, exact by the real-valued forward "
    "model. WebP and JPEG XL are lossless (the latter needs pillow-jxl-plugin).  [default: what "
    "the ending of -o says, else png]",
)


executor_option = click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    is_eager=True,  # before --device, which depends on it
    default="local",
    show_default=True,
    help="Where the work is done; ray: by workers on a Ray cluster, whose machines share the "
    "disks (pip install 'jpegx[ray]'), or on one that is started for the run.",
)

address_option = click.option(
    "--address",
    metavar="ADDRESS",
    help="Of the Ray cluster: auto, or host:port.  [default: one is started on this machine]",
)


def check_address(executor: str, address: str | None) -> None:
    """Raise click.UsageError for the address of a cluster that is not asked for."""
    if address is not None and executor != "ray":
        raise click.UsageError("--address is of a Ray cluster; add --executor ray.")


def choose_format(
    name: str | None, output: Path | None, *, ycbcr: bool, real: bool
) -> tuple[Container, Form]:
    """What pictures are written as, by the options and the ending of what -o names.

    Raises click.UsageError for what does not go together.
    """
    if ycbcr and real:
        raise click.UsageError("--ycbcr and --float are two forms of a picture; choose one.")
    is_file = output is not None and not is_folder(output)
    ending = OF_SUFFIX.get(output.suffix.lower()) if output is not None and is_file else None
    container: Container = "tiff"
    if not (ycbcr or real):
        container = cast("Container", name.removesuffix("16")) if name else ending or "png"
    elif name not in (None, "tiff"):
        raise click.UsageError(f"--ycbcr and --float are written as TIFF; leave out {name}.")
    if ending not in (None, container):
        known = CONTAINERS[container]
        raise click.UsageError(
            f"-o {output}: the pictures are {known.name}, whose names end in {known.suffixes[0]}."
        )
    deep = name is not None and name.endswith("16")
    return container, "ycbcr" if ycbcr else "float" if real else "16-bit" if deep else "8-bit"


@contextmanager
def wrong_usage(option: str = "--model") -> Iterator[None]:
    """Whatever is wrong with a spec that is opened here is wrong usage, of the option named."""
    from jpegx.models.checkpoint_header import BadCheckpoint

    try:
        yield
    except MeaninglessOption as error:
        raise click.BadParameter(str(error), param_hint=error.hint) from None
    except (BadCheckpoint, BadSpec) as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def spec_of(
    model: str,
    device: str,
    precision: str,
    temperature: float | None,
    *,
    self_ensemble: bool,
) -> SamplerSpec:
    """What a model of the command line means, with the options that stand beside it."""
    with wrong_usage():
        return SamplerSpec.parse(
            model,
            device=device,
            precision=precision,
            temperature=temperature,
            self_ensemble=self_ensemble,
        )
