"""jpegx project: pictures of any program made exactly consistent with JPEG files."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import NamedPath, OutputName, name_of, source_of
from jpegx.cli.console import Console
from jpegx.cli.decode_inputs import check_target, standard_output
from jpegx.cli.picture_pairs import Tally, are_folders, pairs_of_folders
from jpegx.cli.shared_options import (
    choose_format,
    compress_level_option,
    float_option,
    format_option,
    max_pixels_option,
    ycbcr_option,
)
from jpegx.errors import printable
from jpegx.io.failures import one_line

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.batch.projections import Projection, ProjectSettings

FAILED = 1
NOT_EXACT = 3


_EXAMPLES = """\b
Examples:
  jpegx project photo.jpg theirs.png
  jpegx project photo.jpg theirs.png --map where.png -o consistent.png
  jpegx decode photos -r --no-project -o restored && jpegx project photos restored -r -o consistent
"""


@click.command(
    short_help="Make pictures of any program exactly consistent with a JPEG file.",
    epilog=_EXAMPLES,
)
@click.argument("jpeg")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option(
    "-o",
    "--output",
    type=OutputName(),
    metavar="PATH",
    help="Folder for the pictures, or a file name that ends in .png, .tif, .webp or .jxl, or - "
    "for standard output.  [default: NAME_projected.png beside each picture]",
)
@click.option(
    "--map",
    "maps",
    type=NamedPath(),
    metavar="PATH",
    help="Also write where the picture contradicted the file, in gray: 10 levels are one gray "
    "level that plain projection moves a pixel, black is no contradiction. A file that ends in "
    ".png, or a folder for the maps of several pictures.",
)
@format_option
@ycbcr_option
@float_option
@click.option("-r", "--recursive", is_flag=True, help="Look into the sub-folders of folders.")
@compress_level_option
@click.option("--overwrite", is_flag=True, help="Replace pictures that exist.")
@max_pixels_option
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per picture.")
@click.pass_obj
def project(
    console: Console,
    jpeg: str,
    pictures: tuple[str, ...],
    output: str | None,
    maps: Path | None,
    file_format: str | None,
    ycbcr: bool,
    real: bool,
    recursive: bool,
    compress_level: int,
    overwrite: bool,
    max_pixels: int,
    as_json: bool,
) -> None:
    """Make pictures of any program exactly consistent with a JPEG file.

    Each PICTURE (PNG, TIFF, WebP, BMP ...), of the size of the file JPEG, is moved as little as
    needed for its coefficients to be inside the file's cells (Man et al. 2022, Eq. 11), and made
    into 8-bit pixels that, encoded again by libjpeg with the file's tables, give the file's own
    coefficients. What the file does not say stays as it is. One of the names may be -, standard
    input.

    JPEG and PICTURE may be two folders: each file with the pictures that are named like it; -o is
    then a folder, in which they keep their paths.

    Told of each picture: how far it had to be moved, the RMSE in gray levels and the most that any
    value changed; and how many of its coefficients were outside their cells.

    Exit status: 0, every picture is written and exact; 1, a picture or file failed; 2, wrong usage;
    3, every picture is written but some are not exact (jpegx decode --help says why).
    """
    folders = are_folders(jpeg, pictures, recursive=recursive)
    target = None if output in (None, "-") else Path(output)
    container, form = choose_format(file_format, target, ycbcr=ycbcr, real=real)
    if output is None and (folders or "-" in pictures):
        raise click.UsageError("say where the pictures go, with -o.")
    if output == "-" and as_json:
        raise click.UsageError("-o - is for one picture; leave out --json.")
    many = folders or len(pictures) > 1
    if many and output == "-":
        raise click.UsageError("-o - is for one picture.")
    _check_targets(target, maps, many=many)

    from jpegx.batch.projections import ProjectSettings

    settings = ProjectSettings(
        form=form,
        container=container,
        output=None if output is None else Path(output),
        maps=maps,
        compress_level=compress_level,
        overwrite=overwrite,
        max_pixels=max_pixels,
    )
    job = _Job(console, settings, as_json=as_json)
    if folders:
        _project_folders(job, jpeg, Path(pictures[0]), recursive=recursive)
    else:
        job.project(jpeg, [(name, Path(Path(name).name)) for name in pictures])
    sys.exit(job.exit_code)


def _check_targets(target: Path | None, maps: Path | None, *, many: bool) -> None:
    from jpegx.batch.outputs import is_picture

    choose_format("png", maps, ycbcr=False, real=False)
    for option, path in (("-o", target), ("--map", maps)):
        if path is None:
            continue
        check_target(path, option)
        if many and is_picture(path):
            raise click.UsageError(f"{option} {path} is one file, but there are more pictures.")


class _Job(Tally):
    """Projects pictures, tells what came of it, and counts."""

    def __init__(self, console: Console, settings: "ProjectSettings", *, as_json: bool) -> None:
        super().__init__(console)
        self._settings = settings
        self._as_json = as_json
        self._written: set[Path] = set()
        self.projected = self.inexact = 0

    @property
    def exit_code(self) -> int:
        """0 if all went well, FAILED or NOT_EXACT if not."""
        return FAILED if self.failures else NOT_EXACT if self.inexact else 0

    def project(self, jpeg: str, pictures: Sequence[tuple[str, Path]]) -> None:
        """Project pictures, each with its path below an output folder, onto a file."""
        from jpegx.batch.projections import Projections

        name = name_of(jpeg)
        to_stdout = self._settings.output == Path("-")
        try:
            projections = Projections(
                source_of(jpeg),
                name,
                self._settings,
                self._written,
                standard_output if to_stdout else None,
            )
        except Exception as error:
            return self.failed(one_line(error, name))
        for warning in projections.warnings:
            self.noted(f"{name}: warning: {warning}")
        for picture, relative in pictures:
            name = name_of(picture)
            try:
                made = projections.write(source_of(picture), name, relative)
            except BrokenPipeError:
                raise
            except Exception as error:
                self.failed(one_line(error, name))
                continue
            self.projected += 1
            self.inexact += made.moved.different > 0
            if self._as_json:
                click.echo(json.dumps(_fields(jpeg, picture, made)))
            else:
                line = _text(name, made)
                self._console.say(line) if to_stdout else click.echo(line)
        return None


def _project_folders(job: _Job, jpegs: str, pictures: Path, *, recursive: bool) -> None:
    for jpeg, found in pairs_of_folders(job, jpegs, pictures, recursive=recursive):
        job.project(jpeg, [(str(path), path.relative_to(pictures)) for path in found])
    job.noted(
        f"jpegx: {job.files} files, {job.projected} pictures projected, {job.inexact} of them "
        f"not exact, {job.failures - job.missing} failed, {job.missing} files without a picture"
    )


def _text(name: str, made: "Projection") -> str:
    moved = made.moved
    verdict = "exact"
    if moved.different:
        causes = ", ".join(f"{n} {cause}" for cause, n in asdict(moved.causes).items() if n)
        verdict = f"{moved.different} of {moved.total} coefficients differ ({causes})"
    return (
        f"{printable(name)}: {moved.outside / moved.total:.2%} of its coefficients outside the "
        f"file's cells; moved by RMSE {moved.rmse:.3f} gray levels, at most {moved.largest:.1f}; "
        f"{printable(str(made.output))}: {verdict}"
    )


def _fields(jpeg: str, picture: str, made: "Projection") -> dict[str, object]:
    moved = made.moved
    return {
        "jpeg": jpeg,
        "picture": picture,
        "output": str(made.output),
        "map": None if made.map is None else str(made.map),
        "rmse_moved": moved.rmse,
        "largest_moved": moved.largest,
        "outside": moved.outside,
        "total": moved.total,
        "consistency_rmse_before": moved.consistency_before,
        "different": moved.different,
        "causes": asdict(moved.causes),
        "rmse_added": moved.rmse_added,
        "consistency_rmse": moved.consistency_rmse,
    }
