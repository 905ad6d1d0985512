"""jpegx explore draws, extremes: the quickest way to see what a region leaves open."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import NamedPath, name_of
from jpegx.cli.console import Console
from jpegx.cli.explore_bench import (
    BenchRequest,
    bench_options,
    check_session,
    region_spec,
    write_whole,
)
from jpegx.cli.explore_options import (
    NOT_EXACT,
    RegionRequest,
    failures,
    json_option,
    overwrite_option,
    region_options,
    seed_option,
    show,
    writable,
)
from jpegx.cli.explore_pictures import refuse_existing

if TYPE_CHECKING:
    from jpegx.exploration.patch import Patch
    from jpegx.exploration.session import Session

_SHEET = "sheet.png"
_FOLDER = click.option(
    "-o", "--output", type=NamedPath(), metavar="FOLDER",
    callback=writable("folder"),
    help="Write the pictures here, and sheet.png with the region of all of them.",
)  # fmt: skip
_DRAWS_EXAMPLES = """\b
Examples:
  jpegx explore draws photo.jpg --region 120,80,24x32 -n 32 -o open/
  jpegx explore draws photo.jpg --region 120,80,24x32 --calibrate originals/
"""
_EXTREMES_EXAMPLES = """\b
Examples:
  jpegx explore extremes photo.jpg --region 120,80,24x32 -o sheet/
"""


@click.command(
    "draws", short_help="Show what a sampler's draws of a region differ in.", epilog=_DRAWS_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@region_options
@click.option(
    "-n", "--draws", type=click.IntRange(3, 1024), default=32, show_default=True, metavar="N",
    help="Draws to look at.",
)  # fmt: skip
@click.option(
    "--calibrate", type=NamedPath("folder"), metavar="FOLDER",
    help="Measure on these originals, compressed as the file was, how far along each component the "
    "truth lies.",
)  # fmt: skip
@click.option(
    "--calibration-regions", type=click.IntRange(10, 10_000), default=40, show_default=True,
    metavar="N", help="Regions of the originals to measure on.",
)  # fmt: skip
@seed_option
@bench_options
@_FOLDER
@overwrite_option
@json_option
@click.pass_obj
def draws(
    console: Console,
    jpeg: str,
    region: RegionRequest,
    draws: int,
    calibrate: Path | None,
    calibration_regions: int,
    seed: int,
    bench: BenchRequest,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show what a sampler's draws of a region differ in.

    Their principal components, with exact pictures two deviations to both sides; a few draws that
    differ most; a small tree of clusters, with their shares. All of it is the sampler's opinion.

    Exit status: 0; 1, the file or the region cannot be read or used; 2, wrong usage; 3, a picture
    is not exact.
    """
    from jpegx.exploration.calibration_set import calibration_samples
    from jpegx.exploration.summaries import calibrate as measure
    from jpegx.exploration.summaries import summarise
    from jpegx.exploration.summary_answer import pictures_of, summary_answer

    check_session(bench.session)
    name = name_of(jpeg)
    with failures(console, name):
        _refuse_sheet(output, overwrite=overwrite)
        session = bench.open(console, jpeg, seed)
        workbench = session.workbench
        chosen = region_spec(region, workbench.jpeg.layout).select(workbench.jpeg.layout)
        factors, measured = None, 0
        if calibrate is not None:
            samples = calibration_samples(workbench, chosen, calibrate, calibration_regions, seed)
            factors, measured = measure(samples, draws, seed)
        summary = summarise(workbench, chosen, draws, seed, factors=factors, calibrated=measured)
        pictures = pictures_of(summary)
        _write(session, pictures, output, overwrite=overwrite)
        answer = summary_answer(summary, name, chosen, workbench.spec.label, output)
        session.record(answer)
        show(answer, as_json=as_json)
    if any(not patch.exact for patch in pictures.values()):
        sys.exit(NOT_EXACT)


@click.command(
    "extremes", short_help="Push a region as far as it goes, every way.", epilog=_EXTREMES_EXAMPLES
)
@click.argument("jpeg", metavar="FILE")
@region_options
@click.option(
    "-n", "--draws", type=click.IntRange(0, 1024), default=16, show_default=True, metavar="N",
    help="Draws whose components are gone along, too: 3 or more; 0 leaves them out.",
)  # fmt: skip
@seed_option
@bench_options
@_FOLDER
@overwrite_option
@json_option
@click.pass_obj
def extremes(
    console: Console,
    jpeg: str,
    region: RegionRequest,
    draws: int,
    seed: int,
    bench: BenchRequest,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Push a region as far as it goes, every way, for and against.

    Brighter and darker to the certified ends, colours stronger and weaker, more and less local
    contrast, sharper and smoother, all within the cells; and along the components of the draws of
    the model.

    Exit status: 0; 1, the file or the region cannot be read or used; 2, wrong usage; 3, a picture
    is not exact.
    """
    from jpegx.exploration.extremes import extreme_edits
    from jpegx.exploration.summaries import summarise
    from jpegx.exploration.summary_answer import picture_file, pictures_of, summary_answer

    if 0 < draws < 3:
        raise click.BadParameter("components need 3 draws or more; 0 is none", param_hint="-n")
    name = name_of(jpeg)
    with failures(console, name):
        _refuse_sheet(output, overwrite=overwrite)
        session = bench.open(console, jpeg, seed)
        workbench = session.workbench
        spec = region_spec(region, workbench.jpeg.layout)
        chosen = spec.select(workbench.jpeg.layout)
        pictures: dict[str, Patch] = {}
        for label, edit in extreme_edits(session.state, chosen, seed):
            pictures[label] = edit.patch
            target = None if output is None else str(picture_file(output, label))
            show(edit.answer(name, target), as_json=as_json)
        if draws and workbench.varies:
            summary = summarise(workbench, chosen, draws, seed, diverse=0, leaves=1)
            pictures |= pictures_of(summary)
            answer = summary_answer(summary, name, chosen, workbench.spec.label, output)
            show(answer, as_json=as_json)
        _write(session, pictures, output, overwrite=overwrite)
    if any(not patch.exact for patch in pictures.values()):
        sys.exit(NOT_EXACT)


def _refuse_sheet(folder: Path | None, *, overwrite: bool) -> None:
    """Raise FileExistsError if the pictures of an earlier command are in a folder."""
    refuse_existing([folder and folder / _SHEET], overwrite=overwrite)


def _write(
    session: "Session", pictures: "Mapping[str, Patch]", folder: Path | None, *, overwrite: bool
) -> None:
    """Write whole pictures by their names, and a sheet of their regions. Raises OSError."""
    if folder is None:
        return
    from jpegx.exploration.contact_sheet import contact_sheet
    from jpegx.exploration.summary_answer import picture_file
    from jpegx.io.atomic_file import atomic_file

    session.workbench.make_all()
    state = session.state
    for label, patch in pictures.items():
        target = picture_file(folder, label)
        write_whole(session, state.then(patch).whole(), target, label, overwrite=overwrite)
    sheet = contact_sheet(state, pictures)
    with atomic_file(folder / _SHEET, overwrite=overwrite) as stream:
        sheet.save(stream, "PNG")
