"""jpegx verify: could these pictures have been the source of a JPEG file?"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import name_of, source_of
from jpegx.cli.console import Console, drop_output
from jpegx.cli.picture_pairs import Tally, are_folders, pairs_of_folders
from jpegx.cli.shared_options import max_pixels_option, slack_option
from jpegx.errors import printable
from jpegx.io.failures import one_line

if TYPE_CHECKING:  # numpy is imported when there is work, and torch when it must: --help is quick
    from jpegx.consistency.compare import VerifyReport

NOT_EXACT = 1
UNREADABLE = 2


_EXAMPLES = """\b
Examples:
  jpegx decode photo.jpg && jpegx verify photo.jpg photo.png
  jpegx decode photos -r -o restored && jpegx verify photos restored -r
"""


@click.command(
    short_help="Tell whether pictures could have been the source of a JPEG file.", epilog=_EXAMPLES
)
@click.argument("jpeg")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@click.option("-r", "--recursive", is_flag=True, help="Look into the sub-folders of folders.")
@max_pixels_option
@click.option(
    "--certify",
    is_flag=True,
    help="Look for a proof in every unit that differs, not only if these are few (each takes up to "
    "a second).",
)
@slack_option(
    "Call a picture possible, too, if no coefficient is farther than 0.5 + S steps from the "
    "file's: for files of encoders that do not simply round."
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per picture.")
@click.pass_obj
def verify(
    console: Console,
    jpeg: str,
    pictures: tuple[str, ...],
    recursive: bool,
    max_pixels: int,
    certify: bool,
    slack: float,
    as_json: bool,
) -> None:
    """Tell whether pictures could have been the source of a JPEG file.

    Each PICTURE (PNG, TIFF, WebP, BMP ..., 8 bits a channel) is encoded with libjpeg (islow DCT),
    with the quantization tables and sampling factors of the file JPEG, and its coefficients are
    compared with the file's; one of 16 bits by the real-valued forward model. Of a TIFF that
    decode --ycbcr or --float wrote, what lies beyond the edge is compared, too. One of the
    names may be -, standard input.

    JPEG and PICTURE may be two folders: each file is compared with the pictures that are named like
    it, as jpegx decode names them, and a summary is told at the end.

    For each component of the image: how many coefficients differ, and the largest distance of a
    coefficient before rounding from the file's, in quantization steps (below 0.5 is inside the
    cell). For the picture: the consistency, the RMSE between the decoded pixels of both files, and
    how many of the coefficients that differ belong to units (MCUs) that no 8-bit picture can meet:
    gamut, where the file has colours that no RGB picture has; padding, where another encoder than
    libjpeg filled up the blocks over the edge. Both are proven. All others count as search.

    Encoders that do not simply round (trellis quantization, dead zones: info tells of some) leave
    the cells of their file. With --slack the coefficients that are beyond wider cells are counted,
    and a picture that has none of these is possible. That is no proof of anything: S is a guess.

    Exit status: 0, all pictures are exact, no coefficient differs (or with --slack possible); 1,
    some differ; 2, wrong usage, a file cannot be read or compared or has no picture, or the answer
    cannot be written.
    """
    folders = are_folders(jpeg, pictures, recursive=recursive)
    check = _Check(console, max_pixels=max_pixels, certify=certify, slack=slack, as_json=as_json)
    try:
        if folders:
            _check_folders(check, jpeg, pictures[0], recursive=recursive)
        else:
            check.compare(jpeg, pictures)
    except BrokenPipeError:
        raise
    except OSError as error:  # of standard output: 1 would be an answer
        drop_output()
        console.say(one_line(error, "jpegx"))
        sys.exit(UNREADABLE)
    sys.exit(check.exit_code)


class _Check(Tally):
    """Compares pictures with files, tells what came of it, and counts."""

    def __init__(
        self, console: Console, *, max_pixels: int, certify: bool, slack: float, as_json: bool
    ) -> None:
        super().__init__(console)
        self._max_pixels = max_pixels
        self._certify = certify
        self.slack = slack
        self._as_json = as_json
        self.exact = self.possible = self.different = 0

    @property
    def exit_code(self) -> int:
        """0 if all pictures are exact, NOT_EXACT or UNREADABLE if not."""
        return UNREADABLE if self.failures else NOT_EXACT if self.different else 0

    def compare(self, jpeg: str, pictures: Sequence[str]) -> None:
        """Compare a file with pictures. Raises OSError if the answer cannot be written."""
        from jpegx.consistency.given_picture import judge_picture
        from jpegx.io.any_picture import read_any_picture
        from jpegx.jpeg.file import read_jpeg
        from jpegx.jpeg.trellis import looks_like_trellis

        name = name_of(jpeg)
        try:
            quantized = read_jpeg(source_of(jpeg), name=name, max_pixels=self._max_pixels)
        except Exception as error:
            return self.failed(one_line(error, name))
        for warning in quantized.warnings:
            self.noted(f"{name}: warning: {warning}")
        size = quantized.layout.width, quantized.layout.height
        inexact = self.different
        for picture in pictures:
            name = name_of(picture)
            try:
                found = read_any_picture(source_of(picture), name, size, self.noted)
                report = judge_picture(quantized, found, certify=self._certify, slack=self.slack)
            except Exception as error:
                self.failed(one_line(error, name))
                continue
            self.exact += report.exact
            self.possible += report.possible and not report.exact
            self.different += not report.possible
            click.echo(_json(jpeg, picture, report) if self._as_json else _text(name, report))
        if self.different == inexact:
            return None
        if quantized.damage:
            self.noted(
                f"{name_of(jpeg)}: warning: it is damaged; its true source differs, too, where "
                "coefficients are missing or wrong"
            )
        if looks_like_trellis(quantized.coefficients[0], quantized.tables[0]):
            self.noted(
                f"{name_of(jpeg)}: warning: it looks like trellis quantization; its true source "
                "may differ like this (--slack)"
            )
        return None


def _check_folders(check: _Check, jpegs: str, pictures: str, *, recursive: bool) -> None:
    for jpeg, found in pairs_of_folders(check, jpegs, Path(pictures), recursive=recursive):
        check.compare(jpeg, [str(path) for path in found])
    check.noted(
        f"jpegx: {check.files} files, {check.exact} pictures exact, "
        + (f"{check.possible} possible with the slack, " if check.slack else "")
        + f"{check.different} not exact, "
        f"{check.failures - check.missing} unreadable, {check.missing} files without a picture"
    )


def _text(name: str, report: "VerifyReport") -> str:
    verdict = "exact" if report.exact else "not exact"
    if report.possible and not report.exact:
        verdict = f"not exact, possible with a slack of {report.slack:g} steps"
    lines = [f"{printable(name)}: {verdict}, consistency RMSE {report.consistency_rmse:.4f}"]
    lines += [
        f"  {component.name:<2} {component.different} of {component.total} coefficients differ, "
        f"largest distance {component.largest_distance:.3f} steps"
        + (f", {component.beyond} beyond the slack" if report.slack else "")
        for component in report.components
    ]
    causes = report.causes
    if causes.total:
        lines.append(
            f"  {causes.gamut + causes.padding} of {causes.total} where no 8-bit picture is exact: "
            f"{causes.gamut} gamut, {causes.padding} padding; {causes.search} elsewhere (search)"
        )
    return "\n".join(lines)


def _json(jpeg: str, picture: str, report: "VerifyReport") -> str:
    verdicts = {"exact": report.exact, "possible": report.possible}
    return json.dumps({"jpeg": jpeg, "picture": picture, **verdicts, **asdict(report)})
