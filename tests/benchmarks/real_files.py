"""How exact are the pictures of real files, and what stands in the way?

    python tests/benchmarks/real_files.py FILES... [--most-pixels 3500000]

One sample of ``laplace`` of each file, seed 0, projected: the coefficients that differ by cause,
CPU seconds of the projection alone, and of plain projection (Eq. 11 of Man et al. 2022). A line of
JSON for each file; at the end a table by the least step of the tables. Files that cannot be
decoded, or have more pixels, are left out, and named.
"""

import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch

from jpegx.consistency.exact import Projector
from jpegx.errors import JpegxError
from jpegx.jpeg.file import read_jpeg
from jpegx.jpeg.jpeg_batch import JpegBatch
from jpegx.models.projection import project
from jpegx.sampling.laplace import laplace


@dataclass(frozen=True)
class Row:
    """What is told of one file."""

    file: str
    least_step: int
    gamut: int
    padding: int
    search: int
    seconds: float
    plain_seconds: float


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--most-pixels", default=3_500_000, show_default=True)
def main(files: tuple[Path, ...], most_pixels: int) -> None:
    """Projects one sample of each of the FILES."""
    torch.set_num_threads(1)
    found: dict[str, list[Row]] = defaultdict(list)
    for path in files:
        try:
            jpeg = read_jpeg(path, name=path.name, max_pixels=most_pixels)
            image = next(laplace(jpeg, 1, 0))
        except JpegxError as error:
            click.echo(str(error), err=True)
            continue
        tables = [torch.tensor(table) for table in jpeg.tables]
        begin = time.process_time()
        batch = JpegBatch.of_file(jpeg)
        project(image[None].expand(-1, 3, -1, -1) / 255, [batch], 1)
        plain = time.process_time()
        coefficients = [torch.tensor(grid) for grid in jpeg.coefficients]
        causes = Projector(coefficients, tables, jpeg.layout)(image).causes
        end = time.process_time()
        steps = [int(edge) for edge in (min(t.min() for t in tables), max(t.max() for t in tables))]
        row = Row(
            path.name,
            steps[0],
            causes.gamut,
            causes.padding,
            causes.search,
            round(end - plain, 2),
            round(plain - begin, 3),
        )
        click.echo(json.dumps(asdict(row)))
        group = "2 or more" if steps[0] > 1 else "1" if steps[1] > 1 else "1, all steps"
        found[group].append(row)
    for group, rows in sorted(found.items(), reverse=True):
        exact = sum(not (row.gamut or row.padding or row.search) for row in rows)
        gamut, padding, search = (
            sum(getattr(row, name) for row in rows) for name in ("gamut", "padding", "search")
        )
        missed = sum(row.search > 0 for row in rows)
        seconds = [row.seconds for row in rows]
        click.echo(
            f"| {group} | {len(rows)} | {exact} | {gamut} | {padding} | {search} ({missed}) | "
            f"{sum(seconds):.1f}; {max(seconds):.1f} |"
        )


if __name__ == "__main__":
    main()
