"""jpegx eval: perception, consistency, distortion and calibration of decoders, side by side."""

import re
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.console import Console
from jpegx.cli.options import (
    device_option,
    precision_option,
    self_ensemble_option,
    spec_of,
    temperature_option,
)
from jpegx.errors import printable
from jpegx.sampling.spec import MeaninglessOption, SamplerSpec

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.evaluation.benchmark.decoders import Projection
    from jpegx.evaluation.benchmark.plan import Plan
    from jpegx.sampling.spec import Precision

FAILED = 1


def _qualities(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        qualities = tuple(dict.fromkeys(int(word) for word in value.split(",")))
    except ValueError:
        raise click.BadParameter("write whole numbers with commas, as in 5,10,20.") from None
    if not all(1 <= quality <= 100 for quality in qualities):
        raise click.BadParameter("qualities go from 1 to 100.")
    return qualities


def _places(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, int, int], ...]:
    places = []
    for value in values:
        found = re.fullmatch(r"(.+):(\d{1,9}),(\d{1,9})", value)
        if not found:
            raise click.BadParameter("write PICTURE:X,Y, as in bird.png:120,64.")
        places.append((found[1], int(found[2]), int(found[3])))
    return tuple(places)


@click.command(short_help="Compare decoders on originals: tables, curves, a report.")
@click.argument(
    "originals", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ORIGINALS..."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|FILE",
    help="A decoder to measure, as in jpegx decode --model; more than one way of it with options "
    "behind the name, as in general:temperature=0.5. Again for more.  [default: standard, laplace "
    "and all weights that are installed]",
)
@click.option(
    "--decoded",
    "decoded",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Pictures that another program made, named like the originals (several samples: NAME_0, "
    "NAME_1, ...). Again for more.",
)
@click.option(
    "--jpegs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="JPEG files of the originals, named like them, instead of --quality.",
)
@click.option(
    "--quality",
    "qualities",
    default="5,10,20,40",
    show_default=True,
    callback=_qualities,
    metavar="Q,...",
    help="IJG qualities at which libjpeg compresses the originals.",
)
@click.option(
    "--subsampling",
    type=click.Choice(["4:4:4", "4:2:2", "4:2:0"]),
    default="4:2:0",
    show_default=True,
    help="Of the chroma, when the originals are compressed.",
)
@click.option("--gray", is_flag=True, help="Make the originals gray first (luma, 16-235).")
@click.option(
    "--crop",
    type=click.IntRange(min=64),
    metavar="PIXELS",
    help="Cut the centre square of each original first and reduce it to this size (Man et al.).",
)
@click.option(
    "--projection",
    type=click.Choice(["both", "with", "without"]),
    default="both",
    show_default=True,
    help="Measure each model with projection (exactly consistent), without, or both.",
)
@click.option(
    "-n",
    "--samples",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="Samples per file, for their mean, standard deviation and calibration; all other figures "
    "are those of the first.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Same seed, same figures.",
)
@click.option(
    "--niqe",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="Pristine model of NIQE: a file, or a folder of good pictures to fit it to; the folder of "
    "-o gets it as niqe.safetensors.  [default: the one that comes with jpegx]",
)
@click.option(
    "--features",
    "networks",
    multiple=True,
    type=click.Choice(["efficientnet-lite0", "vgg16"]),
    help="A frozen network, for Fréchet distances of its features at all positions. Again for "
    "more.  [default: those that are installed]",
)
@click.option(
    "--vgg16",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="torchvision's VGG-16 of ImageNet, for --lpips and --dists: safetensors or the published "
    "file.",
)
@click.option(
    "--lpips",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Measure LPIPS, with these weights of its linear layers (weights/v0.1/vgg.pth of the "
    "package lpips, or safetensors).",
)
@click.option(
    "--dists",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Measure DISTS, with these weights of its layers (weights.pt of the package "
    "dists-pytorch, or safetensors).",
)
@click.option(
    "--fid",
    is_flag=True,
    help="Measure FID and KID too, with the Inception network of --inception.",
)
@click.option(
    "--inception",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The network for --fid, inception-2015-12-05.pt.  [default: $JPEGX_INCEPTION, or this "
    "name in ~/.cache/jpegx]",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    metavar="N",
    help="Sets of samples for --fid, one sample of each file in each (Man et al.: 64).  [default: "
    "as many as samples]",
)
@click.option(
    "--patches",
    type=click.IntRange(min=16),
    metavar="PIXELS",
    help="For --fid, cut pictures into patches of this size, so that a small set has enough.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Other originals, whose distances from ORIGINALS are what a perfect decoder could reach.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder for results.json, results.csv and report.html; a run that was interrupted goes on "
    "with what is in it.",
)
@click.option(
    "--crops",
    multiple=True,
    callback=_places,
    metavar="PICTURE:X,Y",
    help="A crop for the report: 128x128 pixels of this picture from column X and row Y on. Again "
    "for more.  [default: the centres of three pictures of each set]",
)
@device_option
@precision_option
@temperature_option
@self_ensemble_option
@click.option("--quiet", is_flag=True, help="No progress bar; errors are still shown.")
@click.pass_context
def eval(  # noqa: A001 (the name of the command)
    ctx: click.Context,
    originals: tuple[Path, ...],
    models: tuple[str, ...],
    decoded: tuple[Path, ...],
    jpegs: Path | None,
    qualities: tuple[int, ...],
    subsampling: str,
    gray: bool,
    crop: int | None,
    projection: "Projection",
    samples: int,
    seed: int,
    niqe: Path | None,
    networks: tuple[str, ...],
    vgg16: Path | None,
    lpips: Path | None,
    dists: Path | None,
    fid: bool,
    inception: Path | None,
    repeats: int | None,
    patches: int | None,
    reference: Path | None,
    output: Path | None,
    crops: tuple[tuple[str, int, int], ...],
    device: str,
    precision: "Precision",
    temperature: float | None,
    self_ensemble: bool,
    quiet: bool,
) -> None:
    """Compare decoders on originals: perception, consistency, distortion, honesty of the samples.

    Each folder of ORIGINALS (PNG, WebP, TIFF ...) is a data set. Its pictures are compressed with
    libjpeg at every quality, decoded with every model, and measured; with --decoded, pictures that
    other programs made are measured too, against the JPEG files of --jpegs where there are any.

    The table goes to standard output. With -o the folder gets results.json, results.csv and
    report.html: the tables, the perception-consistency plane, curves over the quality, rank
    histograms, and crops side by side, to be enlarged, blinked and seen by their colour alone. A
    picture that cannot be read or measured is named and left out.

    Exit status: 0, all was measured; 1, something failed; 2, wrong usage.
    """
    given = ctx.get_parameter_source
    by_quality = given("qualities") is not click.core.ParameterSource.DEFAULT
    if decoded and jpegs is None and (models or by_quality):
        raise click.UsageError(
            "pictures of --decoded belong to JPEG files of their own: give --jpegs, not --quality."
        )
    if jpegs is not None and by_quality:
        raise click.UsageError("--jpegs are files as they are; leave out --quality.")
    if given("subsampling") is not click.core.ParameterSource.DEFAULT and (jpegs or decoded):
        raise click.UsageError("--subsampling is for originals that are compressed here.")
    _check_output(output, (*originals, *decoded, *filter(None, (reference,))))
    if crop is not None and (decoded or jpegs is not None):
        raise click.UsageError("--crop is for originals that are compressed here.")
    if not fid and (inception or repeats or patches):
        raise click.UsageError("--inception, --repeats and --patches are for --fid; add it.")

    if bool(vgg16) != bool(lpips or dists):
        raise click.UsageError("--lpips and --dists go with --vgg16, the network they stand on.")
    if crops and output is None:
        raise click.UsageError("--crops is for the report; give a folder for it with -o.")

    def spec(name: str) -> SamplerSpec:
        return spec_of(name, device, precision, temperature, self_ensemble=self_ensemble)

    specs, defaults = tuple(spec(name) for name in models), spec("")
    from jpegx.evaluation.benchmark.panels import Place
    from jpegx.evaluation.benchmark.plan import Request, make_plan
    from jpegx.models.checkpoint_header import BadCheckpoint

    request = Request(
        originals=originals,
        models=specs,
        decoded=decoded,
        jpegs=jpegs,
        qualities=qualities,
        subsampling=subsampling,
        gray=gray,
        crop=crop,
        projection=projection,
        samples=samples,
        seed=seed,
        niqe=niqe,
        networks=networks,
        vgg16=vgg16,
        lpips=lpips,
        dists=dists,
        crops=tuple(Place(picture, (x, y)) for picture, x, y in crops),
        fid=fid,
        inception=inception,
        repeats=repeats,
        patches=patches,
        reference=reference,
        defaults=defaults,
    )
    try:
        plan = make_plan(request)
    except MeaninglessOption as error:
        raise click.BadParameter(str(error), param_hint=f"--{error.option}") from None
    except BadCheckpoint as error:
        raise click.BadParameter(str(error), param_hint="--model") from None
    with ExitStack() as stack:
        if output is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jpegx-")))
        else:
            folder = output
        failures = _run(ctx.obj, plan, folder, keep=output is not None, quiet=quiet)
    sys.exit(FAILED if failures else 0)


def _check_output(output: Path | None, folders: Sequence[Path]) -> None:
    for folder in folders:
        if output is not None and output.resolve().is_relative_to(folder.resolve()):
            raise click.UsageError(
                f"-o {output} lies in {folder}, so that its pictures would be measured too; choose "
                "another folder."
            )


def _run(console: Console, plan: "Plan", folder: Path, *, keep: bool, quiet: bool) -> int:
    """Measure, print, and write what is to be kept; the number of failures."""
    from jpegx.evaluation.benchmark.context import Context
    from jpegx.evaluation.benchmark.runner import evaluate
    from jpegx.evaluation.benchmark.store import Store
    from jpegx.evaluation.report.notes import about, notes
    from jpegx.evaluation.report.page import NoMatplotlib, write_report
    from jpegx.evaluation.report.results import write_results
    from jpegx.evaluation.report.terminal_table import print_tables

    failures: list[str] = []

    def failed(line: str) -> None:
        failures.append(line)
        console.say(line)

    def advance(what: str) -> None:
        bar.advance(printable(what))

    store = Store(folder)
    if keep:
        plan.options.niqe.save(folder / "niqe.safetensors")
    with console.progress(plan.steps, quiet=quiet) as bar:
        rows = list(evaluate(plan, Context(plan.options, store, advance, failed)))
    print_tables(rows, sys.stdout)
    lines = notes(plan.options, rows)
    click.echo("\n".join(lines))
    if keep:
        write_results(folder, about(plan), lines, rows)
        try:
            write_report(folder, about(plan), lines, rows, store)
        except NoMatplotlib as error:
            console.say(str(error))
    return len(failures)
