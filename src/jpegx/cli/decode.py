"""jpegx decode: the pictures that JPEG files could have come from."""

import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from jpegx.batch.outputs import BadTemplate, Existing, Naming, Outputs, is_picture, plan_outputs
from jpegx.cli.console import Console
from jpegx.cli.decode_inputs import (
    Names,
    check_inputs,
    check_pictures,
    check_target,
    find_sources,
    standard_output,
)
from jpegx.cli.decode_options import decode_options
from jpegx.cli.decode_report import DecodeReport
from jpegx.cli.executor_choice import MANY, Cluster, choose_executor
from jpegx.cli.shared_options import check_address, choose_format, spec_of, wrong_usage
from jpegx.io.formats import CONTAINERS, Container
from jpegx.io.inputs import count_inputs

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.batch.manifest import Manifest
    from jpegx.batch.settings import DecodeSettings
    from jpegx.batch.tasks import Executor
    from jpegx.sampling.spec import Precision, SamplerSpec


_EXAMPLES = """\b
Examples:
  jpegx decode photo.jpg
  jpegx decode photo.jpg -n 8 --mean --std-map -o samples
  jpegx decode photo.jpg --model regression --self-ensemble -o smooth.png
  jpegx decode photos -r -o restored --skip-existing
  jpegx decode - -o - < photo.jpg > restored.png
"""


@click.command(short_help="Sample pictures that JPEG files could have come from.", epilog=_EXAMPLES)
@decode_options
@click.pass_obj
def decode(
    console: Console,
    inputs: tuple[str, ...],
    output: str | None,
    samples: int,
    project: bool,
    file_format: str | None,
    ycbcr: bool,
    real: bool,
    seed: int,
    model: str | None,
    restorer_command: str | None,
    restorer: str | None,
    mean: bool,
    std_map: bool,
    compress_level: int,
    overwrite: bool | None,
    device: str,
    precision: "Precision",
    temperature: float | None,
    self_ensemble: bool,
    recursive: bool,
    files_from: BinaryIO | None,
    null: bool,
    relative_to: Path | None,
    preserve: bool,
    dry_run: bool,
    jobs: int | None,
    executor: str,
    address: str | None,
    manifest: Path | None,
    strict: bool,
    max_pixels: int,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Sample pictures that JPEG files could have come from, as PNG, TIFF, WebP or JPEG XL.

    Each INPUT is a JPEG file, or a folder of them, or - for a JPEG on standard input. photo.jpg
    becomes photo.png, or with -n 8 photo_0.png to photo_7.png, and photo_mean.png and photo_std.png
    where asked for. Below the output folder a file has its name, what is in a folder its path in
    it, and of several folders the path from the folder on that holds them all.

    EXIF, ICC profile, XMP, IPTC, comments and density travel into the pictures; a warning names
    what does not. The pixels are not rotated: the orientation in EXIF still describes them.

    A file that cannot be decoded is reported in one line and the others are still done. Pictures
    are written whole or not at all; with --skip-existing an interrupted run goes on, and several
    processes at once share the work.

    Exit status: 0, every picture is written; 1, a file failed; 2, wrong usage; 3, every picture is
    written but some are not exact (a warning says how many coefficients differ from the file's,
    and why: gamut and padding are proven, no 8-bit RGB picture is exact there, but one with --ycbcr
    is; search means that none was found).
    """
    check_inputs(inputs, output, files_from, null=null, preserve=preserve)
    of_many = {
        "--jobs": jobs is not None,
        "--executor ray": executor == "ray",
        "--manifest": manifest is not None,
    }
    check_pictures(output, samples, mean=mean, std_map=std_map, as_json=as_json, of_many=of_many)
    check_address(executor, address)
    to_stdout = output == "-"
    target = None if output is None or to_stdout else Path(output)
    container, form = choose_format(file_format, target, ycbcr=ycbcr, real=real)
    if form != "8-bit" and not project:
        raise click.UsageError(
            "--ycbcr, --float and 16 bits are for projected pictures; leave out --no-project."
        )
    if target is not None:
        check_target(target)
    model = _model(model, restorer_command, restorer)
    naming = _naming(target, samples, mean, std_map, container, model, seed)
    names = Names(inputs, files_from, null=null)
    report = DecodeReport(console, as_json=as_json, verbose=verbose)
    sources = find_sources(names, recursive, relative_to, report)
    # What is wrong with one file is told before weights are read.
    first = list(islice(sources, MANY))
    if len(first) > 1 and (to_stdout or (target is not None and is_picture(target))):
        raise click.UsageError(f"-o {output} is one file, but there are more inputs.")
    work = plan_outputs(
        chain(first, sources), naming, overwrite=bool(overwrite), failed=report.failed
    )
    existing: Existing = "refuse" if overwrite is None else "overwrite" if overwrite else "skip"
    if dry_run:
        report.tell_plan(work, existing)
        sys.exit(report.exit_code)
    from jpegx.batch.jobs import decode_files
    from jpegx.batch.settings import DecodeSettings
    from jpegx.batch.tasks import Watch
    from jpegx.sampling.spec import default_model

    if model is None:
        model = default_model()
        if model == "laplace" and not quiet:
            console.say("no weights are installed; --model laplace, which needs none, is used")
    spec = spec_of(model, device, precision, temperature, self_ensemble=self_ensemble)
    settings = DecodeSettings(
        spec=spec,
        samples=samples,
        seed=seed,
        project=project,
        form=form,
        container=container,
        mean=mean,
        std_map=std_map,
        strict=strict,
        max_pixels=max_pixels,
        compress_level=compress_level,
        existing=existing,
        preserve=preserve,
    )
    watch = Watch(console.drawn, report.searching)
    if to_stdout:
        from jpegx.batch.executors.local import LocalExecutor

        work = ((source, Outputs((Path("-"),), None, None)) for source in first)
        settings = replace(settings, existing="overwrite")
        place: Executor = LocalExecutor(settings, watch, standard_output)
    else:
        goes_on = overwrite is False or manifest is not None
        same = "the same command" if goes_on else "with --skip-existing the same command"
        console.goes_on = f"; {same} goes on"
        cluster = Cluster(address) if executor == "ray" else None
        place = choose_executor(jobs, cluster, settings, watch, files=len(first))
    files = count_inputs(names, recursive=recursive) if console.shows_progress or verbose else None
    with ExitStack() as stack:
        with wrong_usage(f"--{_option(spec)}"):
            stack.enter_context(place)
        record = None if manifest is None else stack.enter_context(_opened(manifest, settings))
        outcomes = stack.enter_context(closing(decode_files(work, settings, place, record)))
        report.follow(outcomes, files, samples + mean + std_map, settings, quiet=quiet)
    sys.exit(report.exit_code)


def _opened(path: Path, settings: "DecodeSettings") -> "closing[Manifest]":
    from jpegx.batch.manifest import BadManifest, Manifest
    from jpegx.io.failures import one_line

    try:
        return closing(Manifest(path, settings))
    except (BadManifest, OSError) as error:
        raise click.BadParameter(one_line(error, str(path)), param_hint="--manifest") from None


def _naming(
    target: Path | None,
    samples: int,
    mean: bool,
    std_map: bool,
    container: "Container",
    model: str | None,
    seed: int,
) -> Naming:
    from jpegx.sampling.spec import SamplerSpec, default_model

    label = SamplerSpec(model or default_model()).label
    try:
        return Naming(
            target,
            samples,
            mean=mean,
            std_map=std_map,
            suffix=CONTAINERS[container].suffixes[0],
            words={"model": label, "seed": str(seed)},
        )
    except BadTemplate as error:
        raise click.UsageError(f"-o {target}: {error}.") from None


def _model(model: str | None, command: str | None, restorer: str | None) -> str | None:
    """What the samples are drawn from, as a spec names it. Raises click.UsageError for two."""
    if sum(value is not None for value in (model, command, restorer)) > 1:
        raise click.UsageError("--model, --restorer-command and --restorer: choose one.")
    if command is not None:
        return f"command:{command}"
    return model if restorer is None else f"restorer:{restorer}"


def _option(spec: "SamplerSpec") -> str:
    """The option that a spec comes from, in messages."""
    names = {"command": "restorer-command", "restorer": "restorer"}
    return "model" if spec.other is None else names[spec.other[0]]
