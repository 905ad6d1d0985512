"""The options of ``jpegx decode``."""

from collections.abc import Callable
from typing import Any

import click

from jpegx.cli.arguments import NamedPath, NameListFile, OutputName
from jpegx.cli.shared_options import (
    address_option,
    compress_level_option,
    device_option,
    executor_option,
    float_option,
    format_option,
    max_pixels_option,
    precision_option,
    self_ensemble_option,
    temperature_option,
    ycbcr_option,
)

_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.argument("inputs", nargs=-1, metavar="INPUT..."),
    click.option(
        "-o",
        "--output",
        type=OutputName(),
        metavar="PATH",
        help="Folder for the pictures, or a file name that ends in .png, .tif, .webp or .jxl, or "
        "- for standard output. Or a template of names, in which {dir} and {stem} are the folder "
        "and the name of the input, {sample} is the number (mean, std), {ext}, {model} and {seed} "
        "are what they say: '{dir}/restored/{stem}-{sample}.{ext}'.  [default: beside each input]",
    ),
    click.option(
        "-n",
        "--samples",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Samples per file.",
    ),
    click.option(
        "--project/--no-project",
        default=True,
        show_default=True,
        help="Make each picture exactly consistent: encoded again it gives the coefficients of "
        "the file. Without, the sampler's own pixels are written.",
    ),
    format_option,
    ycbcr_option,
    float_option,
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**32 - 1),
        default=0,
        show_default=True,
        metavar="N",
        help="Same seed, same pictures.",
    ),
    click.option(
        "--model",
        metavar="NAME|FILE",
        help="What the samples are drawn from: installed weights (see jpegx models), or a "
        "safetensors file of weights; laplace: each coefficient from a Laplace law fitted to the "
        "file; standard: no drawing, what an ordinary decoder shows.  [default: general, or "
        "laplace if it is not installed]",
    ),
    click.option(
        "--restorer-command",
        metavar="COMMAND",
        help="Instead of a model another program, whose pictures are made exact: it finds the "
        "decoded file as a PNG where its words say {input} and writes a picture to {output}; "
        "without these words, on standard input and output. {seed} is another number for each "
        "sample. No shell is started.",
    ),
    click.option(
        "--restorer",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Instead of a model a restoration network of another project, a safetensors file: "
        "FBCNN, SwinIR and what else spandrel knows (pip install 'jpegx[restorers]').",
    ),
    click.option(
        "--mean", is_flag=True, help="Also write the posterior mean, the mean of the samples."
    ),
    click.option(
        "--std-map",
        is_flag=True,
        help="Also write the per-pixel standard deviation of the samples, in gray: 10 levels are "
        "one gray level of 0-255, white is 25.5 or more.",
    ),
    compress_level_option,
    click.option(
        "--overwrite/--skip-existing",
        default=None,
        help="Replace pictures that exist, or keep them and write those that are missing.  "
        "[default: refuse the file]",
    ),
    device_option,
    precision_option,
    temperature_option,
    self_ensemble_option,
    click.option("-r", "--recursive", is_flag=True, help="Look into the sub-folders of folders."),
    click.option(
        "--files-from",
        type=NameListFile("rb"),
        metavar="FILE",
        help="Read names of inputs from a file, one a line; - is standard input.",
    ),
    click.option(
        "-0", "--null", is_flag=True, help="The names of --files-from end with a zero byte."
    ),
    click.option(
        "--relative-to",
        type=NamedPath("folder"),
        metavar="FOLDER",
        help="Below the output folder, keep the paths that the inputs have below this one.",
    ),
    click.option(
        "--preserve", is_flag=True, help="Give pictures the time of the last change of their input."
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Processes that decode files side by side.  [default: 1 for a few files or on a GPU, "
        "else one for each core, as far as there is memory]",
    ),
    executor_option,
    address_option,
    click.option(
        "--manifest",
        type=NamedPath(),
        metavar="FILE",
        help="Write a line of JSON about each file into this one; a run that was killed goes on "
        "from it with the same command.",
    ),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Write nothing: tell which pictures the inputs would become, and which exist.",
    ),
    click.option("--strict", is_flag=True, help="Refuse damaged files instead of a warning."),
    max_pixels_option,
    click.option(
        "--quiet", is_flag=True, help="No progress bar; warnings and errors are still shown."
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Tell of each file when it is done, and a summary; for logs.",
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="Print one line of JSON per file written."
    ),
)


def decode_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that gives a command all of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
