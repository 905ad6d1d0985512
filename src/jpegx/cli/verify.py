"""jpegx verify: could these pictures have been the source of a JPEG file?"""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from jpegx.cli.arguments import check_standard_input, name_of, source_of
from jpegx.cli.console import Console
from jpegx.cli.options import max_pixels_option
from jpegx.errors import printable
from jpegx.io.failures import one_line

if TYPE_CHECKING:  # numpy and torch are imported when there is work: --help must be quick
    from jpegx.consistency.compare import VerifyReport

NOT_EXACT = 1
UNREADABLE = 2


@click.command(short_help="Tell whether pictures could have been the source of a JPEG file.")
@click.argument("jpeg")
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
@max_pixels_option
@click.option(
    "--certify",
    is_flag=True,
    help="Ask linear programming, too, whether any picture could be exact where this one is not "
    "(needs SciPy; up to a second for each unit that differs).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per picture.")
@click.pass_obj
def verify(
    console: Console,
    jpeg: str,
    pictures: tuple[str, ...],
    max_pixels: int,
    certify: bool,
    as_json: bool,
) -> None:
    """Tell whether pictures could have been the source of a JPEG file.

    Each PICTURE (PNG, TIFF, WebP, BMP ..., 8 bits a channel) is encoded with libjpeg (islow DCT),
    with the quantization tables and sampling factors of the file JPEG, and its coefficients are
    compared with the file's. One of the names may be -, standard input.

    For each component of the image: how many coefficients differ, and the largest distance of a
    coefficient before rounding from the file's, in quantization steps (below 0.5 is inside the
    cell). For the picture: the consistency, the RMSE between the decoded pixels of both files, and
    how many of the coefficients that differ belong to units (MCUs) that no 8-bit picture can meet:
    gamut, where the file has colours that no RGB picture has; padding, where another encoder than
    libjpeg filled up the blocks over the edge. Both are proven. All others count as search.

    Exit status: 0, all pictures are exact, no coefficient differs; 1, some differ; 2, wrong usage,
    or a file cannot be read or compared.
    """
    check_standard_input(jpeg, *pictures)

    from jpegx.consistency.compare import verify as compare
    from jpegx.io.picture_reader import read_comparable
    from jpegx.jpeg.file import read_jpeg

    # Whatever goes wrong is exit code 2: 1 is an answer.
    name = name_of(jpeg)
    try:
        quantized = read_jpeg(source_of(jpeg), name=name, max_pixels=max_pixels)
    except Exception as error:
        console.say(one_line(error, name))
        sys.exit(UNREADABLE)
    for warning in quantized.warnings:
        console.say(printable(f"{name}: warning: {warning}"))
    size = quantized.layout.width, quantized.layout.height
    exit_code = 0
    for picture in pictures:
        name = name_of(picture)
        try:
            pixels = read_comparable(source_of(picture), name, size)
            report = compare(quantized, pixels, certify=certify)
        except Exception as error:
            console.say(one_line(error, name))
            exit_code = UNREADABLE
            continue
        click.echo(_json(jpeg, picture, report) if as_json else _text(name, report))
        if not report.exact:
            exit_code = max(exit_code, NOT_EXACT)
    sys.exit(exit_code)


def _text(name: str, report: "VerifyReport") -> str:
    verdict = "exact" if report.exact else "not exact"
    lines = [f"{printable(name)}: {verdict}, consistency RMSE {report.consistency_rmse:.4f}"]
    lines += [
        f"  {component.name:<2} {component.different} of {component.total} coefficients differ, "
        f"largest distance {component.largest_distance:.3f} steps"
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
    return json.dumps({"jpeg": jpeg, "picture": picture, "exact": report.exact, **asdict(report)})
