"""jpegx decode: the pictures that JPEG files could have come from."""

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from jpegx.batch.outputs import Outputs, is_picture, plan_outputs
from jpegx.cli.console import Console
from jpegx.cli.decode_inputs import check_inputs, check_target, find_sources, standard_output
from jpegx.cli.report import Report
from jpegx.cli.shared_options import (
    compress_level_option,
    device_option,
    float_option,
    form_of,
    max_pixels_option,
    precision_option,
    self_ensemble_option,
    spec_of,
    temperature_option,
    ycbcr_option,
)
from jpegx.io.inputs import UnreadableList, read_names

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
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
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Folder for the pictures, or a file name that ends in .png, or - for standard output.  "
    "[default: beside each input]",
)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Samples per file.",
)
@click.option(
    "--project/--no-project",
    default=True,
    show_default=True,
    help="Make each picture exactly consistent: encoded again it gives the coefficients of the "
    "file. Without, the sampler's own pixels are written.",
)
@ycbcr_option
@float_option
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Same seed, same pictures.",
)
@click.option(
    "--model",
    metavar="NAME|FILE",
    help="What the samples are drawn from: installed weights (see jpegx models), or a safetensors "
    "file of weights; laplace: each coefficient from a Laplace law fitted to the file; standard: "
    "no drawing, what an ordinary decoder shows.  [default: general, or laplace if it is not "
    "installed]",
)
@click.option(
    "--restorer-command",
    metavar="COMMAND",
    help="Instead of a model another program, whose pictures are made exact: it finds the decoded "
    "file as a PNG where its words say {input} and writes a picture to {output}; without these "
    "words, on standard input and output. {seed} is another number for each sample. No shell is "
    "started.",
)
@click.option(
    "--restorer",
    type=click.Path(),
    metavar="FILE",
    help="Instead of a model a restoration network of another project, a safetensors file: FBCNN, "
    "SwinIR and what else spandrel knows (pip install 'jpegx[restorers]').",
)
@click.option(
    "--mean", is_flag=True, help="Also write the posterior mean, the mean of the samples."
)
@click.option(
    "--std-map",
    is_flag=True,
    help="Also write the per-pixel standard deviation of the samples, in gray: 10 levels are one "
    "gray level of 0-255, white is 25.5 or more.",
)
@compress_level_option
@click.option(
    "--overwrite/--skip-existing",
    default=None,
    help="Replace pictures that exist, or keep them and write those that are missing.  "
    "[default: refuse the file]",
)
@device_option
@precision_option
@temperature_option
@self_ensemble_option
@click.option("-r", "--recursive", is_flag=True, help="Look into the sub-folders of folders.")
@click.option(
    "--files-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Read names of inputs from a file, one a line; - is standard input.",
)
@click.option("-0", "--null", is_flag=True, help="The names of --files-from end with a zero byte.")
@click.option(
    "--relative-to",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Below the output folder, keep the paths that the inputs have below this one.",
)
@click.option(
    "--preserve", is_flag=True, help="Give pictures the time of the last change of their input."
)
@click.option("--strict", is_flag=True, help="Refuse damaged files instead of a warning.")
@max_pixels_option
@click.option("--quiet", is_flag=True, help="No progress bar; warnings and errors are still shown.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Tell of each file when it is done, and a summary; for logs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per file written.")
@click.pass_obj
def decode(
    console: Console,
    inputs: tuple[str, ...],
    output: str | None,
    samples: int,
    project: bool,
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
    strict: bool,
    max_pixels: int,
    quiet: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Sample pictures that JPEG files could have come from, into PNG files.

    Each INPUT is a JPEG file, or a folder of them, or - for a JPEG on standard input. photo.jpg
    becomes photo.png, or with -n 8 photo_0.png to photo_7.png, and photo_mean.png and photo_std.png
    where asked for. Below the output folder a file has its name, what is in a folder its path in
    it, and of several folders the path from the folder on that holds them all.

    EXIF, ICC profile, XMP, IPTC, comments and density travel into the PNG files; a warning names
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
    if samples == 1 and (mean or std_map):
        raise click.UsageError("--mean and --std-map need at least two samples; add -n 8.")
    to_stdout = output == "-"
    if to_stdout and (samples > 1 or as_json):
        raise click.UsageError("-o - is for one picture; leave out -n, --mean, --std-map, --json.")
    if to_stdout and sys.stdout.isatty():
        raise click.UsageError("a PNG file does not go to a terminal; send it to a file or a pipe.")
    form = form_of(ycbcr, real)
    if form != "png" and not project:
        raise click.UsageError("--ycbcr and --float hold projected pictures; leave --no-project.")
    target = None if output is None else Path(output)
    if target is not None:
        check_target(target, form)
    try:
        names = [*inputs, *(read_names(files_from, null=null) if files_from else ())]
    except UnreadableList as error:
        raise click.BadParameter(str(error), param_hint="--files-from") from None
    report = Report(console, as_json=as_json, verbose=verbose)
    sources = find_sources(names, recursive, relative_to, report)
    if target is not None and len(sources) > 1 and (to_stdout or is_picture(target)):
        raise click.UsageError(f"-o {output} is one file, but there are {len(sources)} inputs.")

    model = _model(model, restorer_command, restorer)
    from jpegx.batch.jobs import decode_files
    from jpegx.batch.settings import DecodeSettings
    from jpegx.models.checkpoint_header import BadCheckpoint
    from jpegx.sampling.sampler import open_sampler
    from jpegx.sampling.spec import BadSpec, MeaninglessOption, default_model

    if model is None:
        model = default_model()
        if model == "laplace" and not quiet:
            console.say("no weights are installed; --model laplace, which needs none, is used")
    spec = spec_of(model, device, precision, temperature, self_ensemble=self_ensemble)
    try:
        sampler = open_sampler(spec)
    except MeaninglessOption as error:
        raise click.BadParameter(str(error), param_hint=error.hint) from None
    except BadCheckpoint as error:
        raise click.BadParameter(str(error), param_hint="--model") from None
    except BadSpec as error:
        raise click.BadParameter(str(error), param_hint=f"--{_option(spec)}") from None
    settings = DecodeSettings(
        spec=spec,
        samples=samples,
        seed=seed,
        project=project,
        form=form,
        mean=mean,
        std_map=std_map,
        strict=strict,
        max_pixels=max_pixels,
        compress_level=compress_level,
        existing="refuse" if overwrite is None else "overwrite" if overwrite else "skip",
        preserve=preserve,
    )
    if to_stdout:
        jobs = [(source, Outputs((Path("-"),), None, None)) for source in sources]
        settings = replace(settings, existing="overwrite")
    else:
        jobs = plan_outputs(
            sources,
            target,
            samples,
            mean=mean,
            std_map=std_map,
            failed=report.failed,
            suffix=".png" if form == "png" else ".tif",
        )
    if not to_stdout:
        same = "the same command" if overwrite is False else "with --skip-existing the same command"
        console.goes_on = f"; {same} goes on"
    opened = standard_output if to_stdout else None
    with closing(decode_files(jobs, settings, sampler, opened, console.drawn)) as outcomes:
        report.follow(outcomes, len(jobs), samples + mean + std_map, settings, quiet=quiet)
    sys.exit(report.exit_code)


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
